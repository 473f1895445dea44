// A number in a program: a double for floating dtypes, a 64-bit integer for integers and bool.
#pragma once

#include <uwaga/ir/dtype.h>

#include <cstdint>
#include <type_traits>
#include <variant>

namespace uwaga {

struct Literal {
  std::variant<double, std::int64_t> value = 0.0;

  Literal() = default;
  Literal(double v) : value(v) {}  // NOLINT: numbers are literals
  template <typename I, typename = std::enable_if_t<std::is_integral_v<I>>>
  Literal(I v) : value(static_cast<std::int64_t>(v)) {}  // NOLINT

  bool is_integer() const { return value.index() == 1; }
  double as_double() const { return is_integer() ? static_cast<double>(std::get<1>(value)) : std::get<0>(value); }
  // Truncated and saturated; NaN gives 0.
  std::int64_t as_integer() const {
    if (is_integer()) return std::get<1>(value);
    const double v = std::get<0>(value);
    if (v != v) return 0;
    if (v >= 0x1p63) return INT64_MAX;
    if (v < -0x1p63) return INT64_MIN;
    return static_cast<std::int64_t>(v);
  }
  friend bool operator==(const Literal&, const Literal&) = default;
};

// Whether a dtype can hold the number: floating dtypes hold any, rounded; the others integers in their range.
inline bool holds(DType d, const Literal& v) {
  if (is_float(d)) return true;
  const std::int64_t i = v.as_integer();
  if (!v.is_integer() && static_cast<double>(i) != v.as_double()) return false;
  if (d == DType::boolean) return i == 0 || i == 1;
  if (d == DType::u8) return i >= 0 && i <= 255;
  if (d == DType::i64) return true;
  const std::int64_t limit = std::int64_t{1} << (size_of(d) * 8 - 1);
  return i >= -limit && i < limit;
}

}  // namespace uwaga
