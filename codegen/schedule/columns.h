// Reductions down columns on the host: bias gradients, gradients of norm weights.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

// A task owns a few vectors of neighbouring columns and walks all terms in order, one row of 64 lanes of accumulators a
// column, in scratch that stays in L1. Elementwise outputs of the same space are stored on the way. Where tasks are few and
// terms many there are two kernels: tasks of the first own blocks of terms, and the second's terms are these blocks' results.
Schedule columns(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga::schedule
