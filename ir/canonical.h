// Canonical order and canonical graphs: the same program gives the same list of nodes, in whatever order it was written.
//
//   Graph c = canonicalise(g);    // dead nodes gone, equal nodes merged, nodes in canonical order
//
// The order is topological. Inputs come first, as declared. Then what depends on an input, by its depth (the longest path
// from an input) and among equals by structural hash, so that the order follows the computation from front to back. What
// depends on no input (parameters, constants, casts of parameters) comes right before its first use, so that it does not
// lie in memory from the start. Merged nodes carry united provenance.
#pragma once

#include <vector>

#include <uwaga/ir/structural_hash.h>

namespace uwaga {

// The live nodes, in canonical order. Structurally equal nodes follow each other in an order without meaning.
std::vector<NodeId> canonical_order(const Graph& graph, InputsBy inputs = InputsBy::name);

// Gives the same graph back, not a copy, if it is canonical already. Bodies are made canonical too. Updates are sorted by
// slot; outputs keep their order. `position` is for bodies.
Graph canonicalise(const Graph& graph, InputsBy inputs = InputsBy::name);

}  // namespace uwaga
