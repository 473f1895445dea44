// A number in a program: a double for floating dtypes, a 64-bit integer for integers and bool.
#pragma once

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
  std::int64_t as_integer() const { return is_integer() ? std::get<1>(value) : static_cast<std::int64_t>(std::get<0>(value)); }
  friend bool operator==(const Literal&, const Literal&) = default;
};

}  // namespace uwaga
