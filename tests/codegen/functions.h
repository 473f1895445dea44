// What the functions of codegen/kernel/math.h are measured with: numbers of every exponent, a reference with a mantissa of 64
// bits, and distances in units of the last place.
#pragma once

#include <uwaga/ir/op.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

namespace uwaga::test {

// The functions of one operand, with their bounds in units of the last place.
struct FunctionBound {
  Op op;
  double f32, f64;
};
inline constexpr FunctionBound kFunctionBounds[] = {
    {Op::exp, 1.25, 1},    {Op::log, 1, 1},      {Op::log1p, 1.25, 1.5}, {Op::rsqrt, 1.5, 1.5}, {Op::sin, 1.75, 2.25},
    {Op::cos, 1.75, 2.25}, {Op::tanh, 1.5, 1.5}, {Op::erf, 1, 1},        {Op::sigmoid, 1.75, 1.75}};

inline long double reference(Op op, long double x) {
  switch (op) {
    case Op::exp: return std::exp(x);
    case Op::log: return std::log(x);
    case Op::log1p: return std::log1p(x);
    case Op::rsqrt: return 1 / std::sqrt(x);
    case Op::sin: return std::sin(x);
    case Op::cos: return std::cos(x);
    case Op::tanh: return std::tanh(x);
    case Op::erf: return std::erf(x);
    default: return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
  }
}

template <typename T>
using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

// |got - want| in units of the last place of want; huge where one of them is special and the other is not the same.
template <typename T>
double ulps(T got, long double want) {
  const T rounded = static_cast<T>(want);
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e30;
  if (got == rounded) return std::signbit(got) == std::signbit(rounded) ? 0 : 1e30;
  if (!std::isfinite(got) || !std::isfinite(rounded)) {
    // Just over the border to infinity.
    const long double limit = std::ldexp(1.0L, std::numeric_limits<T>::max_exponent);
    return std::isinf(got) != std::isinf(rounded) && std::fabs(want) > limit * (1 - 4 * std::numeric_limits<T>::epsilon()) ? 1 : 1e30;
  }
  int exponent = 0;
  std::frexp(want, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) / std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits));
}

// Some numbers of every exponent and both signs, and all special ones.
template <typename T>
std::vector<T> samples(int each, unsigned seed) {
  std::mt19937_64 random(seed);
  constexpr int mantissa = std::numeric_limits<T>::digits - 1, exponents = sizeof(T) == 4 ? 255 : 2047;
  std::vector<T> x;
  for (const T v : {T(0), T(1), T(0.5), T(2), std::numeric_limits<T>::infinity(), std::numeric_limits<T>::denorm_min(),
                    std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), std::nextafter(T(1), T(0)), std::nextafter(T(1), T(2))})
    for (const T s : {v, T(-v)}) x.push_back(s);
  x.push_back(std::numeric_limits<T>::quiet_NaN());
  for (int e = 0; e < exponents; ++e)
    for (int i = 0; i < each; ++i) {
      const Word<T> bits = (Word<T>(random()) & ((Word<T>(1) << mantissa) - 1)) | (Word<T>(e) << mantissa) |
                           (Word<T>(i & 1) << (8 * sizeof(T) - 1));
      x.push_back(std::bit_cast<T>(bits));
    }
  // Where functions do most: small numbers, evenly.
  for (int i = -40 * each; i <= 40 * each; ++i) x.push_back(T(i) / T(4 * each) * T(1.0000001));
  return x;
}

}  // namespace uwaga::test
