// Inputs at the border: arrays are matched to a graph's inputs, and sizes are read off them.
#pragma once

#include <vector>

#include <uwaga/ir/array.h>
#include <uwaga/ir/graph.h>

namespace uwaga {

struct Bound {
  std::vector<Array> inputs;  // in the graph's order; dtype, axes and their order as the graph wants them
  Sizes sizes;
};

// Throws Error, one sentence: an input that is missing or unknown, of another dtype or with other axes, two inputs that
// disagree about a size (both are named), a size above its axis' bound.
Bound bind(const Graph& graph, const Arrays& inputs);

}  // namespace uwaga
