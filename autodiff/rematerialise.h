// Rematerialisation: which forward values are kept for the backward pass, and which are computed again.
//
//   Rematerialised r = rematerialise(graph, {.budget = std::int64_t{8} << 30, .sizes = {{"batch", 8}, {"time", 1024}}});
//   r.graph, r.bytes_before, r.bytes_after
//
// The forward values that derivatives read are kept from the forward pass on. If their bytes exceed the budget, the
// cheapest set is kept from which the others can be computed again: a minimum cut between what is there anyway (inputs,
// parameters) and what derivatives read, each value costing its bytes. First only elementwise ops and moves are computed
// again, then also reductions and calls without a contraction, last contractions and scans, until the budget is met; if it
// cannot be, the smallest set is kept.
//
// Recomputed nodes read what is kept through a `tag` named kRematerialised, which keeps them apart from the originals; a
// scheduler must place them as late as it can. Graphs come here after `strip`, which takes tags out. No bits change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <uwaga/ir/graph_ref.h>

namespace uwaga {

inline constexpr const char* kRematerialised = "rematerialised";

struct RematerialiseOptions {
  std::int64_t budget = 0;  // bytes of forward values kept for derivatives
  Sizes sizes = {};         // of the symbols that the graph's types have
};
struct KeptValue {
  Value value;  // in the new graph
  std::int64_t bytes = 0;
  std::string why;  // "gpt.cpp:9 in h.3: dot is not computed again within this budget"
};
struct Rematerialised {
  Graph graph;
  std::int64_t bytes_before = 0, bytes_after = 0;
  int recomputed = 0;           // nodes
  std::vector<KeptValue> kept;  // besides inputs, parameters and constants
};
// Error if a symbol has no size. Gives the same graph back where it fits the budget as it is.
Rematerialised rematerialise(const Graph& graph, const RematerialiseOptions& options);

}  // namespace uwaga
