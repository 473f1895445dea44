// What a graph costs at given sizes, counted node by node.
//
//   for (const auto& [scope, cost] : costs_by_scope(program_graph, {{"batch", 4}, {"time", 64}}, 2)) ...
//
// FLOPs: two a term for `dot`, one an element for other arithmetic and for each term of a sum; ops that only move or
// name data count none. Bytes are those of the values a scope's nodes compute, before fusion. Composites count as their
// bodies; a scan's body counts once a step, a cond's dearer branch.
#pragma once

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_ref.h>

#include <map>
#include <string>
#include <utility>

namespace uwaga {

struct Cost {
  double flops = 0, dot_flops = 0, bytes = 0;
  double parameters = 0;
  Cost& operator+=(const Cost& other);
  bool operator==(const Cost&) const = default;
};

Cost cost_of(const Graph& graph, const Sizes& sizes);

// By the first `depth` parts of the scope path ("h.3" at depth 2), those that cost anything; "" is the root. Backward nodes count for the scope
// of what they are derivatives of.
std::map<std::string, Cost> costs_by_scope(const Graph& graph, const Sizes& sizes, int depth);

// By source line, {file, line}: of the line that wrote the op, for backward nodes the line of what they are derivatives of.
std::map<std::pair<std::string, int>, Cost> costs_by_line(const Graph& graph, const Sizes& sizes);

}  // namespace uwaga
