// A graph for one size of a symbol.
//
//   Graph one = with_sizes(graph, {{"batch", 1}});       // every extent that said `batch` is a number
//
// What is compiled from it serves this size alone, and may be faster for it.
#pragma once

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_ref.h>

namespace uwaga {

// In graphs inside too. Symbols that the graph has not are no error. Throws Error where a node cannot be of that size.
Graph with_sizes(const Graph& graph, const Sizes& sizes);

}  // namespace uwaga
