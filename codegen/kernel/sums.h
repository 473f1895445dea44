// Sums in the order the contracts fix (section 3): terms in blocks of 4,096 in index order; in a block, term i goes to lane
// i mod 64, each lane starting at +0 and adding in order; then for s = 32, 16, 8, 4, 2, 1: lane[i] += lane[i + s] for i < s. The
// blocks' results are summed by the same rule. So a sum of at most 4,096 terms is one block.
//
//   const Ex total = contiguous_sum(b, n, 8, f32, [&](Ex first, int lanes, Ex mask) { return b.load(x, b.ramp(first, lanes), mask); });
//   column_sum(b, n, {f32, 8}, [&](Ex i) { return b.load(x, columns + b.splat(i * stride, 8)); });
//
// All helpers write statements where the builder stands and give an expression of lets or variables.
#pragma once

#include <functional>
#include <vector>

#include <uwaga/codegen/kernel/build.h>

namespace uwaga::kernel {

inline constexpr int kSumLanes = 64;
inline constexpr std::int64_t kSumBlock = 4096;

// The scalar sum of 64 lanes held in vectors of equal width (lane 0 first), by the fixed tree.
Ex sum_lanes_tree(KernelBuilder& b, std::vector<Ex> vectors);

// Terms first, first + 1, ... first + lanes - 1, those where the mask is true (empty: all); where it is false the value does
// not matter. A term is of dtype f32, f64 or an integer.
using Terms = std::function<Ex(Ex first, int lanes, Ex mask)>;

// The scalar sum of n terms, `lanes` (a divisor of 64) at a time.
Ex contiguous_sum(KernelBuilder& b, Ex n, int lanes, DType dtype, const Terms& terms);
// The sum of terms [first, end), at most 4,096 of them: one block, for sums whose blocks are divided over tasks.
Ex block_sum(KernelBuilder& b, Ex first, Ex end, int lanes, DType dtype, const Terms& terms);

// The sum over i < n of term(i), each a vector (another axis) of the same type. Walks the terms of one lane after the other and
// joins lanes as the tree does, so that seven vectors are live.
using Term = std::function<Ex(Ex i)>;
Ex column_sum(KernelBuilder& b, Ex n, VType type, const Term& term);
Ex column_block_sum(KernelBuilder& b, Ex first, Ex end, VType type, const Term& term);

}  // namespace uwaga::kernel
