// Constant folding. Only what every machine computes alike: integers, booleans, and + - * / sqrt and casts of floats,
// in the arithmetic the op itself would use (narrow floats in f32, rounded once). A NaN is left to run time: which NaN
// it is differs between machines.
#include <uwaga/ir/array.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/passes/rules.h>

#include <cmath>

namespace uwaga {
namespace {

using Result = std::optional<Value>;

// The only number of a constant, as its dtype holds it.
std::optional<Literal> constant_of(const Site& s, std::size_t operand) {
  const Node& n = s.def(operand);
  if (n.op != Op::constant || n.as<ConstantAttrs>().values.size() != 1) return {};
  const Literal v = n.as<ConstantAttrs>().values[0];
  return is_float(n.types[0].dtype) ? Literal(round_to(n.types[0].dtype, v.as_double())) : v;
}

Result written(const Site& s, const Type& like, DType dtype, const Literal& v) {
  if (!v.is_integer() && std::isnan(v.as_double())) return {};
  return s.emit(Op::constant, ConstantAttrs{like.with_dtype(dtype), {v}}, {});
}

template <typename T>
std::optional<T> float_result(Op op, T a, T b) {
  switch (op) {
    case Op::add:
      return a + b;
    case Op::sub:
      return a - b;
    case Op::mul:
      return a * b;
    case Op::div:
      return a / b;
    case Op::sqrt:
      return std::sqrt(a);
    case Op::neg:
      return -a;
    case Op::abs:
      return std::fabs(a);
    default:
      return std::nullopt;
  }
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(a));
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

std::optional<std::int64_t> integer_result(Op op, std::int64_t a, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
  switch (op) {
    case Op::add:
      return static_cast<std::int64_t>(x + y);
    case Op::sub:
      return static_cast<std::int64_t>(x - y);
    case Op::mul:
      return static_cast<std::int64_t>(x * y);
    case Op::div:
      return floor_div(a, b);
    case Op::rem:
      return b == 0 ? 0 : static_cast<std::int64_t>(x - static_cast<std::uint64_t>(floor_div(a, b)) * y);
    case Op::max:
      return std::max(a, b);
    case Op::min:
      return std::min(a, b);
    case Op::neg:
      return static_cast<std::int64_t>(0 - x);
    case Op::abs:
      return a < 0 ? static_cast<std::int64_t>(0 - x) : a;
    case Op::eq:
      return a == b;
    case Op::lt:
      return a < b;
    case Op::logical_and:
      return a && b;
    case Op::logical_or:
      return a || b;
    case Op::logical_not:
      return !a;
    default:
      return std::nullopt;
  }
}

template <Op op>
Result arithmetic(const Site& s) {
  const auto a = constant_of(s, 0);
  const auto b = s.operands.size() > 1 ? constant_of(s, 1) : a;
  if (!a || !b) return {};
  const Type& t = s.type(s.operands[0]);
  if (is_float(t.dtype)) {
    if (t.dtype == DType::f64) {
      const auto r = float_result<double>(op, a->as_double(), b->as_double());
      return r ? written(s, t, t.dtype, *r) : Result();
    }
    const auto r = float_result<float>(op, static_cast<float>(a->as_double()), static_cast<float>(b->as_double()));
    return r ? written(s, t, t.dtype, round_to(t.dtype, *r)) : Result();
  }
  const auto r = integer_result(op, a->as_integer(), b->as_integer());
  const DType dtype = op == Op::eq || op == Op::lt ? DType::boolean : t.dtype;
  return r ? written(s, t, dtype, wrapped(dtype, *r)) : Result();
}

Result cast_constant(const Site& s) {
  const auto v = constant_of(s, 0);
  if (!v) return {};
  const Type& t = s.type(s.operands[0]);
  const DType to = s.as<CastAttrs>().dtype;
  if (!is_float(to))
    return written(s, t, to, v->is_integer() ? wrapped(to, v->as_integer()) : saturated(to, v->as_double()));
  // An integer beyond 2^53 would be rounded twice here.
  if (v->is_integer() && (v->as_integer() > (std::int64_t{1} << 53) || v->as_integer() < -(std::int64_t{1} << 53)))
    return {};
  return written(s, t, to, round_to(to, v->as_double()));
}

template <Op op>
constexpr Rule row() {
  return {"constants", op, arithmetic<op>};
}

constexpr Rule kRules[] = {
    row<Op::add>(),         row<Op::sub>(),
    row<Op::mul>(),         row<Op::div>(),
    row<Op::rem>(),         row<Op::max>(),
    row<Op::min>(),         row<Op::neg>(),
    row<Op::abs>(),         row<Op::sqrt>(),
    row<Op::eq>(),          row<Op::lt>(),
    row<Op::logical_and>(), row<Op::logical_or>(),
    row<Op::logical_not>(), {"cast of a constant", Op::cast, cast_constant},
};

}  // namespace

Graph fold(const Graph& graph) { return apply_rules(graph, kRules); }

}  // namespace uwaga
