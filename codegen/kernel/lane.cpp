#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include <uwaga/codegen/kernel/internal/fold.h>
#include <uwaga/codegen/kernel/internal/lane.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel::lane {
namespace {

using Int = std::int64_t;

Bits integer(Int value, DType d) { return static_cast<Bits>(fold::wrapped(value, d)); }
Int minus(Bits a, Bits b) { return static_cast<Int>(a - b); }

double function(Op op, double x) {
  switch (op) {
    case Op::exp: return std::exp(x);
    case Op::log: return std::log(x);
    case Op::log1p: return std::log1p(x);
    case Op::rsqrt: return 1 / std::sqrt(x);
    case Op::sin: return std::sin(x);
    case Op::cos: return std::cos(x);
    case Op::tanh: return std::tanh(x);
    case Op::erf: return std::erf(x);
    case Op::sigmoid: return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
    default: throw InternalError("kernel interpreter: no function " + std::string(name(op)));
  }
}

double floor_rem(double a, double b) {
  const double r = std::fmod(a, b);
  if (r == 0) return std::copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0F, x) : x; }
// Of two bf16 in an i32 the one from bit `shift` on.
float half_of(Bits x, int shift) { return flushed(from_bf16(static_cast<std::uint16_t>(x >> shift))); }

template <typename T>
Bits unary_float(Op op, T x) {
  switch (op) {
    case Op::neg: return of(static_cast<T>(-x));
    case Op::abs: return of(static_cast<T>(std::fabs(x)));
    case Op::sqrt: return of(static_cast<T>(std::sqrt(x)));
    case Op::floor: return of(static_cast<T>(std::floor(x)));
    default: return of(static_cast<T>(function(op, static_cast<double>(x))));
  }
}

template <typename T>
Bits binary_float(Op op, T x, T y) {
  switch (op) {
    case Op::add: return of(static_cast<T>(x + y));
    case Op::sub: return of(static_cast<T>(x - y));
    case Op::mul: return of(static_cast<T>(x * y));
    case Op::div: return of(static_cast<T>(x / y));
    case Op::rem: return of(static_cast<T>(floor_rem(static_cast<double>(x), static_cast<double>(y))));
    case Op::pow: return of(static_cast<T>(std::pow(static_cast<double>(x), static_cast<double>(y))));
    case Op::max: return of(x < y || std::isnan(y) ? y : x);
    case Op::min: return of(y < x || std::isnan(y) ? y : x);
    case Op::eq: return x == y;
    case Op::lt: return x < y;
    default: throw InternalError("kernel interpreter: no " + std::string(name(op)) + " of floats");
  }
}

Int saturated(double x, DType to) {
  if (std::isnan(x)) return 0;
  const double t = std::trunc(x);
  const int width = static_cast<int>(8 * size_of(to));
  const double high = to == DType::u8 ? 255 : std::ldexp(1.0, width - 1) - (width < 64 ? 1 : 0);
  const double low = to == DType::u8 ? 0 : -std::ldexp(1.0, width - 1);
  if (t >= high) return to == DType::u8 ? 255 : std::numeric_limits<Int>::max() >> (64 - width);
  if (t <= low) return to == DType::u8 ? 0 : std::numeric_limits<Int>::min() >> (64 - width);
  return static_cast<Int>(t);
}

}  // namespace

Bits unary(Op op, Bits x, DType d) {
  if (d == DType::f32) return unary_float(op, f32_of(x));
  if (d == DType::f64) return unary_float(op, f64_of(x));
  switch (op) {
    case Op::neg: return integer(minus(0, x), d);
    case Op::abs: return static_cast<Int>(x) < 0 ? integer(minus(0, x), d) : x;
    case Op::floor: return x;
    case Op::logical_not: return x == 0;
    default: throw InternalError("kernel interpreter: no " + std::string(name(op)) + " of integers");
  }
}

Bits binary(Op op, Bits x, Bits y, DType d) {
  if (d == DType::f32) return binary_float(op, f32_of(x), f32_of(y));
  if (d == DType::f64) return binary_float(op, f64_of(x), f64_of(y));
  const Int a = static_cast<Int>(x), b = static_cast<Int>(y);
  switch (op) {
    case Op::add: return integer(static_cast<Int>(x + y), d);
    case Op::sub: return integer(minus(x, y), d);
    case Op::mul: return integer(static_cast<Int>(x * y), d);
    case Op::div: return integer(fold::floor_div(a, b), d);
    case Op::rem: return integer(fold::floor_rem(a, b), d);
    case Op::max: return a < b ? y : x;
    case Op::min: return b < a ? y : x;
    case Op::eq: return a == b;
    case Op::lt: return a < b;
    case Op::logical_and: return x & y;
    case Op::logical_or: return x | y;
    default: throw InternalError("kernel interpreter: no " + std::string(name(op)) + " of integers");
  }
}

Bits cast(Bits x, DType from, DType to) {
  if (from == DType::bf16) return cast(of(from_bf16(static_cast<std::uint16_t>(x))), DType::f32, to);
  if (from == DType::f16) return cast(of(from_f16(static_cast<std::uint16_t>(x))), DType::f32, to);
  if (to == DType::bf16) return bf16_bits(f32_of(cast(x, from, DType::f32)));
  if (to == DType::f16) return f16_bits(f32_of(cast(x, from, DType::f32)));
  if (is_float(from)) {
    const double value = from == DType::f32 ? static_cast<double>(f32_of(x)) : f64_of(x);
    if (to == DType::f64) return of(value);
    if (to == DType::f32) return from == DType::f32 ? x : of(static_cast<float>(value));
    return to == DType::boolean ? value != 0 : static_cast<Bits>(saturated(value, to));
  }
  const Int value = static_cast<Int>(x);
  if (to == DType::f64) return of(static_cast<double>(value));
  if (to == DType::f32) return of(static_cast<float>(value));
  return integer(value, to);
}

Bits bitcast(Bits x, DType from, DType to) {
  const Bits low = size_of(from) == 8 ? x : x & ((Bits{1} << (8 * size_of(from))) - 1);
  return is_float(to) ? low : integer(static_cast<Int>(low), to);
}

Bits pair(Bits low, Bits high) {
  const auto half = [](Bits x) { return static_cast<Int>(bf16_bits(flushed(f32_of(x)))); };
  return integer(half(low) | half(high) << 16, DType::i32);
}

Bits dot_pair(Bits a, Bits b, Bits sum) {
  float s = flushed(f32_of(sum));
  for (int shift : {16, 0}) s = flushed(std::fma(half_of(a, shift), half_of(b, shift), s));
  return of(s);
}

Bits tile_dot(const Bits* row, const Bits* column, Bits sum) {
  float halves[2] = {0, 0};
  for (int k = 0; k < kTileColumns; ++k)
    for (int h = 0; h < 2; ++h)
      halves[h] = flushed(std::fma(half_of(row[k], 16 * h), half_of(column[k * kTileColumns], 16 * h), halves[h]));
  return of(flushed(flushed(f32_of(sum)) + flushed(halves[0] + halves[1])));
}

Bits bit_operation(ExprKind kind, Bits x, Bits y, DType d) {
  const unsigned width = static_cast<unsigned>(8 * size_of(d));
  const Bits low = width == 64 ? ~Bits{0} : (Bits{1} << width) - 1, a = x & low, b = y & low;
  switch (kind) {
    case ExprKind::bit_and: return integer(static_cast<Int>(a & b), d);
    case ExprKind::bit_or: return integer(static_cast<Int>(a | b), d);
    case ExprKind::bit_xor: return integer(static_cast<Int>(a ^ b), d);
    case ExprKind::mul_high: return integer(static_cast<Int>((a * b) >> 32), d);
    case ExprKind::shift_left:
    case ExprKind::shift_right:
      // Out of range is undefined: any value serves, and a kernel that depends on it shows.
      if (b >= width) return integer(static_cast<Int>(0x5a5a5a5a5a5a5a5a), d);
      return integer(static_cast<Int>(kind == ExprKind::shift_left ? a << b : a >> b), d);
    default: throw InternalError("kernel interpreter: no operation on bits");
  }
}

Bits load(const std::byte* at, DType d) {
  Bits x = 0;
  std::memcpy(&x, at, size_of(d));
  return is_float(d) ? x : integer(static_cast<Int>(x), d);
}

void store(std::byte* at, Bits x, DType d) { std::memcpy(at, &x, size_of(d)); }

}  // namespace uwaga::kernel::lane
