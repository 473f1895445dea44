// What cannot be decided when a graph is built, checked once when its sizes are bound: slices and pads whose bounds are
// symbols, splits, parts longer than what they are of, the largest of an axis that may be empty, extents that may be
// negative.
//
//   const std::vector<NodeId> nodes = nodes_of_open_sizes(graph);
//   check_sizes(graph, nodes, {{"time", 2}});   // Error: "gpt.cpp:9 in h.3: slice of time=2 from 0 to 3"
//
// Compiled programs ask before they run; the sentences are the interpreter's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/ir/type.h>

namespace uwaga {

struct Node;

// The nodes that sizes may contradict: the others were decided by inference. Bodies are not entered, since a body's sizes are checked
// where it runs.
std::vector<NodeId> nodes_of_open_sizes(const GraphData& graph);
// Throws Error that names the model's line, op and numbers. `sizes` has every symbol.
void check_sizes(const GraphData& graph, std::span<const NodeId> nodes, const Sizes& sizes);
// What the error of a node says whose extent `d` is n < 0. Of what a slot holds behind its first elements, that the slot is full.
std::string negative_extent(const GraphData& graph, const Node& node, const Dim& d, std::int64_t n, const Sizes& sizes);

}  // namespace uwaga
