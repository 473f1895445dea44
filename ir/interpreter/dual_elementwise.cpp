// Dual numbers through the elementwise ops: d op(x) = op'(x) dx, written out per op.
#include <cmath>
#include <numbers>

#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

using Reals = std::vector<double>;

// The partial derivatives of a binary op at (a, b) with result y.
struct Partials {
  double left, right;
};

Partials partials(Op op, double a, double b, double y) {
  switch (op) {
    case Op::add: return {1, 1};
    case Op::sub: return {1, -1};
    case Op::mul: return {b, a};
    case Op::div: return {1 / b, -y / b};
    case Op::pow:
      // At b = 0 the power is constant in a; at a = 0 it is constant in b > 0.
      return {b == 0 ? 0 : b * std::pow(a, b - 1), a == 0 && b > 0 ? 0 : y * std::log(a)};
    case Op::max: return a == b ? Partials{0.5, 0.5} : a > b ? Partials{1, 0} : Partials{0, 1};
    case Op::min: return a == b ? Partials{0.5, 0.5} : a < b ? Partials{1, 0} : Partials{0, 1};
    case Op::rem: return {1, -std::round((a - y) / b)};
    default: throw InternalError("no binary op that moves");
  }
}

double derivative(Op op, double x, double y) {
  switch (op) {
    case Op::abs: return x > 0 ? 1 : x < 0 ? -1 : 0;
    case Op::exp: return y;
    case Op::log: return 1 / x;
    case Op::log1p: return 1 / (1 + x);
    case Op::sqrt: return 0.5 / y;
    case Op::rsqrt: return -0.5 * y / x;
    case Op::sin: return std::cos(x);
    case Op::cos: return -std::sin(x);
    case Op::tanh: return 1 - y * y;
    case Op::erf: return 2 * std::numbers::inv_sqrtpi * std::exp(-x * x);
    case Op::sigmoid: return y * (1 - y);
    default: throw InternalError("no unary op that moves");
  }
}

}  // namespace

MaybeCells unary_tangent(const Site& site, Operands x, Operands t, Operands y) {
  Dense out(x[0]->dtype, x[0]->dims);
  for (std::size_t i = 0; i < out.reals.size(); ++i)
    out.reals[i] = derivative(site.node.op, x[0]->reals[i], y[0]->reals[i]) * t[0]->reals[i];
  return {cells(std::move(out))};
}

MaybeCells binary_tangent(const Site& site, Operands x, Operands t, Operands y) {
  const ArrayDims& dims = site.dims[0];
  Dense copies[4];
  const Reals& a = aligned(*x[0], dims, copies[0]).reals;
  const Reals& b = aligned(*x[1], dims, copies[1]).reals;
  const Reals* left = t[0] ? &aligned(*t[0], dims, copies[2]).reals : nullptr;
  const Reals* right = t[1] ? &aligned(*t[1], dims, copies[3]).reals : nullptr;
  Dense out(y[0]->dtype, dims);
  for (std::size_t i = 0; i < out.reals.size(); ++i) {
    const Partials p = partials(site.node.op, a[i], b[i], y[0]->reals[i]);
    // An operand that does not move adds nothing, even where its partial derivative is infinite.
    out.reals[i] = (left ? p.left * (*left)[i] : 0) + (right ? p.right * (*right)[i] : 0);
  }
  return {cells(std::move(out))};
}

MaybeCells select_tangent(const Site& site, Operands x, Operands t, Operands) {
  const Cells moved[] = {x[0], t[1] ? t[1] : zeros_like(*x[1]), t[2] ? t[2] : zeros_like(*x[2])};
  return {cells(std::move(select_value(site, moved)[0]))};
}

MaybeCells cast_tangent(const Site& site, Operands, Operands t, Operands) {
  if (!is_float(site.node.types[0].dtype)) return {nullptr};
  return {cells(std::move(cast_value(site, t)[0]))};
}

}  // namespace uwaga::interpreter
