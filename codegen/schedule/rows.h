// Row-resident reductions on the host: softmax, norms, cross entropy, forward and backward.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

// For each row (a point of the axes that are kept) a pass over the reduced axes for every stage: a stage ends where its
// reductions are known. Costly values that a later stage wants again are kept in a buffer of one row, cheap ones are
// computed again. Tasks are rows, several where rows are short.
Schedule rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga::schedule
