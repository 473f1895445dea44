// Reductions over everything on the host: losses, gradient norms.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

// Two kernels: the blocks of 4,096 terms side by side, then their results in order and what is computed from them.
Schedule full(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga::schedule
