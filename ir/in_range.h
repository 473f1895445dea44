// What the graph says of integers, whatever its inputs are.
#pragma once

#include <cstdint>

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_data.h>

namespace uwaga {

// Is every element of `v`, of integers, from 0 up to but not including `n`? False where the graph does not show it. It shows in
// min(max(x, 0), n - 1), in numbers of elements (iota, argmax), in counts of what is true (cumsum), and in sums with constants,
// choices and parts of these.
bool is_index_below(const GraphData& graph, Value v, const Extent& n);

}  // namespace uwaga
