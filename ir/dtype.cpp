#include <uwaga/ir/dtype.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace uwaga {
namespace {
constexpr std::array<std::string_view, kDTypes> kNames = {"f64", "f32", "bf16", "f16", "i64", "i32", "i8", "u8", "bool"};
}

std::string_view name(DType d) { return kNames[static_cast<int>(d)]; }

std::optional<DType> parse_dtype(std::string_view text) {
  for (int i = 0; i < kDTypes; ++i)
    if (kNames[i] == text) return static_cast<DType>(i);
  return std::nullopt;
}

double unit_roundoff(DType d) {
  switch (d) {
    case DType::f64: return 0x1p-53;
    case DType::f32: return 0x1p-24;
    case DType::bf16: return 0x1p-8;
    case DType::f16: return 0x1p-11;
    default: return 0;
  }
}

std::uint16_t bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

std::uint16_t f16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  if (std::isnan(value)) return sign | 0x7e00;
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0f) return sign | 0x7c00;
  if (magnitude < 0x1p-14f) {  // Denormal: the value in units of 2^-24, which is exact in f32.
    return sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24f));
  }
  const std::uint32_t m = bits & 0x7fffffff;
  return sign | static_cast<std::uint16_t>((m - (112u << 23) + 0xfff + ((m >> 13) & 1)) >> 13);
}

float from_f16(std::uint16_t h) {
  const float sign = (h & 0x8000) ? -1.0f : 1.0f;
  const int exponent = (h >> 10) & 31;
  const int mantissa = h & 0x3ff;
  if (exponent == 31) {
    return mantissa ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

double round_to(DType d, double value) {
  switch (d) {
    case DType::f32: return static_cast<float>(value);
    case DType::bf16: return from_bf16(bf16_bits(static_cast<float>(value)));
    case DType::f16: return from_f16(f16_bits(static_cast<float>(value)));
    default: return value;
  }
}

}  // namespace uwaga
