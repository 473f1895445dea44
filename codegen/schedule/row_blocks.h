// Reductions along long rows on the host, or over everything, which is one row: losses, gradient norms.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

// Two kernels a pass: the blocks of 4,096 terms of all rows side by side, then of each row their results in order and what is
// computed from them. A pass that reduces nothing has the first only.
Schedule row_blocks(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga::schedule
