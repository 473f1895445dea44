// The shape of one matrix product, as `uwaga bench gemm` reads it.
#pragma once

#include <cstdint>
#include <string_view>

namespace uwaga {

// [m k] x [k n].
struct GemmShape {
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false;  // the first lies as [k m]: what a weight's gradient is
  bool transpose_b = false;  // the second lies as [n k]: what an input's gradient is
};

// "256x768x3072": m, n, k, each from 1 to 2^20; with "a" or "b" behind, the first or the second lies transposed. Throws
// UsageError for anything else.
GemmShape parse_gemm_shape(std::string_view text);

}  // namespace uwaga
