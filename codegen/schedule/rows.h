// Row-resident reductions on the host: softmax, norms, cross entropy, forward and backward.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

// For each row (a point of the axes that are kept) the passes of rows_passes.h. Tasks are rows, several where rows are short.
Schedule rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga::schedule
