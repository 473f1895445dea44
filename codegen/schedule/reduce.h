// Reductions in the order of terms that fixes their bits, whatever the vector width.
//
// Terms come in blocks of 4,096; term i of a block goes to lane i mod 64, each lane from the identity (+0, or the least
// value for maxima); lanes are joined at distance 32, 16, ... 1; the blocks' results are reduced by the same rule. Up to
// 4,096 blocks, 16.7 million terms; longer sums are cut into kernels.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <uwaga/codegen/schedule/loops.h>

namespace uwaga::schedule {

inline constexpr int kSumLanes = 64;
inline constexpr std::int64_t kSumBlock = 4096;

// What joins two partial results.
struct Reduction {
  Value value;  // the sum or maximum
  Op op;        // add or max
  DType dtype;  // of the accumulator
  Ex identity;
};
Reduction reduction_of(KernelBuilder& b, const GraphData& graph, NodeId id);

// The terms at an index along the reduced axis, one a reduction. Lanes where the mask is false may hold anything.
using Terms = std::function<std::vector<Ex>(const Index& i, Ex mask)>;

// Reduces terms [0, n) of several reductions in one pass; a scalar each. `cost` of the terms decides how far the pass is
// unrolled.
std::vector<Ex> reduce_row(Inline& x, Ex n, int lanes, int cost, const std::vector<Reduction>& reductions, const Terms& terms);

// The same within one block: terms [begin, end), end - begin <= kSumBlock.
std::vector<Ex> reduce_block(Inline& x, Ex begin, Ex end, int lanes, int cost, const std::vector<Reduction>& reductions,
                             const Terms& terms);

// Are the blocks of sums worth a kernel of their own, so that threads divide them? `tasks` is how many there are otherwise, if
// known, of `sums` sums each. Sums known to be too long for reduce_row always are.
bool divides(const Extent& terms, std::optional<std::int64_t> tasks, std::int64_t sums, const HostTarget& target);

// What a kernel does: everything, or the blocks of terms side by side, or the rest with their results as terms.
enum class SumPart : std::uint8_t { all, blocks, total };

// Makes the reductions' values known to what is computed from here on, rounded to their dtypes.
void define_results(Inline& x, const std::vector<Reduction>& reductions, const std::vector<Ex>& results);

// Room for the results of blocks of so many terms, `each` of every block.
Temporary of_blocks(DType dtype, const Extent& each, const Extent& terms, std::int64_t block = kSumBlock);

// Joins kSumLanes lanes, given as vectors in order, into a scalar.
Ex join_lanes(KernelBuilder& b, Op op, std::vector<Ex> lanes);

}  // namespace uwaga::schedule
