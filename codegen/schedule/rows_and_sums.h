// Reductions down columns beside reductions along the rows of the same tensors on the host: a norm's backward, which wants sums
// along each row for its operand's gradient and down the columns for its weight's and its bias's.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

// The order of a column's terms (reduce.h) leaves rows free that lie a few lanes apart: a task walks those of some lanes, whole
// rows of them, and adds what they give to accumulators as long as a row. So what is read crosses memory once. For each sum a
// second kernel, the same for all, joins the tasks' lanes.
Schedule rows_and_sums(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga::schedule
