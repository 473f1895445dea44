// What cannot be decided when a graph is built, checked once when its sizes are bound: slices and pads whose bounds are
// symbols, splits, parts longer than what they are of, the largest of an axis that may be empty, extents that may be
// negative.
//
//   check_sizes(graph, {{"time", 2}});   // Error: "gpt.cpp:9 in h.3: slice of time=2 from 0 to 3"
//
// Compiled programs ask before they run; the sentences are the interpreter's.
#pragma once

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_ref.h>

namespace uwaga {

// Throws Error that names the model's line, op and numbers. Nodes whose extents are all constants were decided by inference
// and cost nothing; bodies are not entered, since a body's sizes are checked where it runs. `sizes` has every symbol.
void check_sizes(const GraphData& graph, const Sizes& sizes);

}  // namespace uwaga
