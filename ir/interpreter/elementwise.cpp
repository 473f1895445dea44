// Values of the elementwise ops. All floats are computed in double here and rounded by the caller.
#include <bit>
#include <cmath>
#include <limits>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

using Int = std::int64_t;

// Wrapping arithmetic of 64 bits; narrower dtypes wrap the result once more.
Int plus(Int a, Int b) { return static_cast<Int>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b)); }
Int minus(Int a, Int b) { return static_cast<Int>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)); }
Int times(Int a, Int b) { return static_cast<Int>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b)); }

Int floor_div(Int a, Int b) {
  if (b == 0) return 0;
  if (b == -1) return minus(0, a);  // the one quotient that overflows
  return a % b != 0 && (a < 0) != (b < 0) ? a / b - 1 : a / b;
}
Int floor_rem(Int a, Int b) {
  if (b == 0 || b == -1) return 0;
  const Int r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// The remainder of the floored quotient: exact, with the sign of the divisor.
double floor_rem(double a, double b) {
  const double r = std::fmod(a, b);
  if (r == 0) return std::copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

double larger(double a, double b) { return a < b || std::isnan(b) ? b : a; }
double smaller(double a, double b) { return b < a || std::isnan(b) ? b : a; }

double sigmoid(double v) {
  if (v >= 0) return 1 / (1 + std::exp(-v));
  const double e = std::exp(v);
  return e / (1 + e);
}

template <typename F>
Values map_reals(const Site& site, const Dense& x, F&& f) {
  Dense out(x.dtype, site.dims[0]);
  for (std::size_t i = 0; i < x.reals.size(); ++i) out.reals[i] = f(x.reals[i]);
  return {std::move(out)};
}

template <typename F, typename G>
Values map_numbers(const Site& site, const Dense& x, F&& on_reals, G&& on_integers) {
  if (is_float(x.dtype)) return map_reals(site, x, on_reals);
  Dense out(x.dtype, site.dims[0]);
  for (std::size_t i = 0; i < x.integers.size(); ++i) out.integers[i] = wrapped(x.dtype, on_integers(x.integers[i]));
  return {std::move(out)};
}

struct Pair {
  Dense left_copy, right_copy;
  const Dense &left, &right;
  Pair(const Site& site, Operands x)
      : left(aligned(*x[0], site.dims[0], left_copy)), right(aligned(*x[1], site.dims[0], right_copy)) {}
};

template <typename F, typename G>
Values map_pairs(const Site& site, Operands x, F&& on_reals, G&& on_integers) {
  const Pair p(site, x);
  Dense out(p.left.dtype, site.dims[0]);
  for (std::size_t i = 0; i < out.reals.size(); ++i) out.reals[i] = on_reals(p.left.reals[i], p.right.reals[i]);
  for (std::size_t i = 0; i < out.integers.size(); ++i)
    out.integers[i] = wrapped(out.dtype, on_integers(p.left.integers[i], p.right.integers[i]));
  return {std::move(out)};
}

template <typename F>
Values compare(const Site& site, Operands x, F&& f) {
  const Pair p(site, x);
  Dense out(DType::boolean, site.dims[0]);
  for (std::size_t i = 0; i < out.integers.size(); ++i)
    out.integers[i] = is_float(p.left.dtype) ? f(p.left.reals[i], p.right.reals[i]) : f(p.left.integers[i], p.right.integers[i]);
  return {std::move(out)};
}

// The bits of a value in its dtype, and back.
std::uint64_t bits_of(const Dense& x, std::size_t i) {
  switch (x.dtype) {
    case DType::f64: return std::bit_cast<std::uint64_t>(x.reals[i]);
    case DType::f32: return std::bit_cast<std::uint32_t>(static_cast<float>(x.reals[i]));
    case DType::bf16: return bf16_bits(static_cast<float>(x.reals[i]));
    case DType::f16: return f16_bits(static_cast<float>(x.reals[i]));
    default: return static_cast<std::uint64_t>(x.integers[i]);
  }
}
void put_bits(Dense& x, std::size_t i, std::uint64_t bits) {
  switch (x.dtype) {
    case DType::f64: x.reals[i] = std::bit_cast<double>(bits); break;
    case DType::f32: x.reals[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits)); break;
    case DType::bf16: x.reals[i] = from_bf16(static_cast<std::uint16_t>(bits)); break;
    case DType::f16: x.reals[i] = from_f16(static_cast<std::uint16_t>(bits)); break;
    default: x.integers[i] = wrapped(x.dtype, static_cast<Int>(bits));
  }
}

}  // namespace

Values unary_value(const Site& site, Operands operands) {
  const Dense& x = *operands[0];
  const auto reals = [&](auto f) { return map_reals(site, x, f); };
  switch (site.node.op) {
    case Op::neg: return map_numbers(site, x, [](double v) { return -v; }, [](Int v) { return minus(0, v); });
    case Op::abs: return map_numbers(site, x, [](double v) { return std::fabs(v); }, [](Int v) { return v < 0 ? minus(0, v) : v; });
    case Op::exp: return reals([](double v) { return std::exp(v); });
    case Op::log: return reals([](double v) { return std::log(v); });
    case Op::log1p: return reals([](double v) { return std::log1p(v); });
    case Op::sqrt: return reals([](double v) { return std::sqrt(v); });
    case Op::rsqrt: return reals([](double v) { return 1 / std::sqrt(v); });
    case Op::sin: return reals([](double v) { return std::sin(v); });
    case Op::cos: return reals([](double v) { return std::cos(v); });
    case Op::tanh: return reals([](double v) { return std::tanh(v); });
    case Op::erf: return reals([](double v) { return std::erf(v); });
    case Op::sigmoid: return reals(sigmoid);
    case Op::floor: return reals([](double v) { return std::floor(v); });
    case Op::logical_not: return map_numbers(site, x, [](double v) { return v; }, [](Int v) { return Int{v == 0}; });
    default: throw InternalError("no unary op");
  }
}

Values binary_value(const Site& site, Operands x) {
  switch (site.node.op) {
    case Op::add: return map_pairs(site, x, [](double a, double b) { return a + b; }, plus);
    case Op::sub: return map_pairs(site, x, [](double a, double b) { return a - b; }, minus);
    case Op::mul: return map_pairs(site, x, [](double a, double b) { return a * b; }, times);
    case Op::div: return map_pairs(site, x, [](double a, double b) { return a / b; }, floor_div);
    case Op::pow: return map_pairs(site, x, [](double a, double b) { return std::pow(a, b); }, [](Int a, Int) { return a; });
    case Op::max: return map_pairs(site, x, larger, [](Int a, Int b) { return a < b ? b : a; });
    case Op::min: return map_pairs(site, x, smaller, [](Int a, Int b) { return b < a ? b : a; });
    case Op::rem:
      return map_pairs(site, x, [](double a, double b) { return floor_rem(a, b); }, [](Int a, Int b) { return floor_rem(a, b); });
    case Op::logical_and: return map_pairs(site, x, larger, [](Int a, Int b) { return a & b; });
    case Op::logical_or: return map_pairs(site, x, larger, [](Int a, Int b) { return a | b; });
    case Op::eq: return compare(site, x, [](auto a, auto b) { return a == b; });
    case Op::lt: return compare(site, x, [](auto a, auto b) { return a < b; });
    default: throw InternalError("no binary op");
  }
}

Values select_value(const Site& site, Operands x) {
  Dense condition_copy, yes_copy, no_copy;
  const Dense& condition = aligned(*x[0], site.dims[0], condition_copy);
  const Dense& yes = aligned(*x[1], site.dims[0], yes_copy);
  const Dense& no = aligned(*x[2], site.dims[0], no_copy);
  Dense out = no;
  on_cells(out, yes, [&](auto& to, const auto& from) {
    for (std::size_t i = 0; i < to.size(); ++i)
      if (condition.integers[i] != 0) to[i] = from[i];
  });
  return {std::move(out)};
}

Values cast_value(const Site& site, Operands operands) {
  const Dense& x = *operands[0];
  const DType to = site.node.as<CastAttrs>().dtype;
  Dense out(to, site.dims[0]);
  const auto n = static_cast<std::size_t>(x.size());
  if (is_float(to) && is_float(x.dtype)) {
    out.reals = x.reals;
  } else if (is_float(to)) {
    // One rounding from the integer to f32, not two by way of f64.
    const bool narrow = !site.exact() && to != DType::f64;
    for (std::size_t i = 0; i < n; ++i)
      out.reals[i] = narrow ? static_cast<double>(static_cast<float>(x.integers[i])) : static_cast<double>(x.integers[i]);
  } else {
    for (std::size_t i = 0; i < n; ++i)
      out.integers[i] = is_float(x.dtype) ? saturated(to, x.reals[i]) : wrapped(to, x.integers[i]);
  }
  return {std::move(out)};
}

Values bitcast_value(const Site& site, Operands operands) {
  const Dense& x = *operands[0];
  Dense out(site.node.as<CastAttrs>().dtype, site.dims[0]);
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.size()); ++i) put_bits(out, i, bits_of(x, i));
  return {std::move(out)};
}

}  // namespace uwaga::interpreter
