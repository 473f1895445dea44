// Element types.
//
// The floating types are f64, f32, bf16 and f16; narrow ones compute in f32 and round once a node. Integers wrap.
// Comparisons give `boolean`, printed as bool, stored as one byte, 0 or 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace uwaga {

enum class DType : std::uint8_t { f64, f32, bf16, f16, i64, i32, i8, u8, boolean };

inline constexpr int kDTypes = 9;
inline constexpr DType f64 = DType::f64, f32 = DType::f32, bf16 = DType::bf16, f16 = DType::f16;
inline constexpr DType i64 = DType::i64, i32 = DType::i32, i8 = DType::i8, u8 = DType::u8;
inline constexpr DType boolean = DType::boolean;

std::string_view name(DType);
std::optional<DType> parse_dtype(std::string_view);

constexpr bool is_float(DType d) { return d <= DType::f16; }
constexpr bool is_integer(DType d) { return d >= DType::i64 && d <= DType::u8; }

// Bytes of one element in memory.
constexpr std::size_t size_of(DType d) {
  constexpr std::size_t bytes[kDTypes] = {8, 4, 2, 2, 8, 4, 1, 1, 1};
  return bytes[static_cast<int>(d)];
}

// Unit roundoff of a floating type: half the distance from 1 to the next value.
double unit_roundoff(DType);

// `value` rounded to the nearest value of a floating dtype, ties to even; f64 gives it back.
double round_to(DType, double value);

// Bit patterns of the two narrow types: f32 to the 16 stored bits (ties to even, NaN stays NaN) and back.
std::uint16_t bf16_bits(float);
std::uint16_t f16_bits(float);
float from_bf16(std::uint16_t);
float from_f16(std::uint16_t);

}  // namespace uwaga
