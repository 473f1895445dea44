// Ops with a schedule of their own, on the host. Their operands may be computed where they are read.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

// Along an axis, element after element from +0; vectors run over another axis where that is the fastest.
Schedule cumsum(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);
// argmax and top_k: for each row and each of the k values, a pass for the largest element that is left and a pass for the
// lowest index that holds it. NaN is largest. An argmax of few long rows has two kernels, as row_blocks has.
Schedule selection(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);
// top_k of so many that a heap of them is cheaper than passes.
bool suits_heap(const Graph& graph, const Cluster& cluster, const HostTarget& target);
Schedule selection_by_heap(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);
// base + updates, in the order of the indices; tasks divide the axes that are not scattered.
Schedule scatter_add(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga::schedule
