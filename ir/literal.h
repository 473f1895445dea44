// A number in a program: a double for floating dtypes, a 64-bit integer for integers and bool.
#pragma once

#include <uwaga/ir/dtype.h>

#include <bit>
#include <cstdint>
#include <type_traits>

namespace uwaga {

class Literal {
 public:
  Literal() : Literal(0.0) {}
  Literal(double v) : bits_(std::bit_cast<std::int64_t>(v)), is_integer_(false) {}  // NOLINT: numbers are literals
  template <typename I, typename = std::enable_if_t<std::is_integral_v<I>>>
  Literal(I v) : bits_(static_cast<std::int64_t>(v)), is_integer_(true) {}  // NOLINT

  bool is_integer() const { return is_integer_; }
  double as_double() const { return is_integer_ ? static_cast<double>(bits_) : std::bit_cast<double>(bits_); }
  // Truncated and saturated; NaN gives 0.
  std::int64_t as_integer() const {
    if (is_integer_) return bits_;
    const double v = as_double();
    if (v != v) return 0;
    if (v >= 0x1p63) return INT64_MAX;
    if (v < -0x1p63) return INT64_MIN;
    return static_cast<std::int64_t>(v);
  }
  // An integer is never equal to a double.
  friend bool operator==(const Literal& a, const Literal& b) {
    return a.is_integer_ == b.is_integer_ && (a.is_integer_ ? a.bits_ == b.bits_ : a.as_double() == b.as_double());
  }

 private:
  std::int64_t bits_;  // the integer, or the double's
  bool is_integer_;
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
