// One lane of the kernel interpreter: 64 bits. Integers are sign-extended (u8 zero-extended), booleans 0 or 1, floats their
// own bits in the low bytes.
#pragma once

#include <bit>
#include <cstdint>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel::lane {

using Bits = std::uint64_t;

inline float f32_of(Bits x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x)); }
inline double f64_of(Bits x) { return std::bit_cast<double>(x); }
inline Bits of(float x) { return std::bit_cast<std::uint32_t>(x); }
inline Bits of(double x) { return std::bit_cast<std::uint64_t>(x); }

Bits unary(Op op, Bits x, DType d);
Bits binary(Op op, Bits x, Bits y, DType d);
Bits cast(Bits x, DType from, DType to);
Bits bitcast(Bits x, DType from, DType to);
Bits bit_operation(ExprKind kind, Bits x, Bits y, DType d);
Bits pair(Bits low, Bits high);           // see ExprKind::pairs
Bits dot_pair(Bits a, Bits b, Bits sum);  // see ExprKind::dot_pairs
// See StmtKind::tile_dot: a row of one tile, a column of the other.
Bits tile_dot(const Bits* row, const Bits* column, Bits sum);

// The element in memory as a lane, and back.
Bits load(const std::byte* at, DType d);
void store(std::byte* at, Bits x, DType d);

}  // namespace uwaga::kernel::lane
