// One row an op: how codegen computes it, and what that costs.
#pragma once

#include <uwaga/codegen/lower/inline.h>

namespace uwaga::kernel {

enum class Lowering : std::uint8_t {
  leaf,         // stored before anything runs
  inlined,      // an expression of its operands, computed wherever it is used
  reduction,    // over named axes, by the row, column and full schedules
  contraction,  // dot
  index,        // an op with a schedule of its own
  structure,    // run by the program
};

struct LowerRow {
  Op op;
  Lowering how;
  // Operations an element, about: 0 for maps of indices, 1 for arithmetic, more for what is slower. kTranscendental and
  // above are worth storing rather than computing twice.
  int cost;
  Ex (*build)(Inline&, const Node&, std::uint32_t output, const IndexEnv&);  // of inlined ops
};
inline constexpr int kTranscendental = 12;

const LowerRow& lower_row(Op op);

// Is this node an expression of its operands? A row may say inlined only under conditions: constants of one value, sums of
// few terms, scatter_add with one update a row, calls whose bodies are elementwise (whole_calls.h).
bool is_inlined(const GraphData& graph, const Node& node);
// Is an element of it made of its operands' elements at the same indices? (Not so gather, slice and others that map indices.)
bool keeps_indices(const Node& node);
// May an index that it looks up be out of range? (in_range.h)
bool may_fail(const GraphData& graph, const Node& node);
// Cost of one element, operands not counted.
int cost_of(const GraphData& graph, const Node& node);
// Sums over at most this many terms (all extents static) are written out.
inline constexpr std::int64_t kSmallReduction = 8;

}  // namespace uwaga::kernel
