// The GPU's schedules, one a family of clusters (../schedule.h says how each divides its work).
#pragma once

#include <uwaga/codegen/cuda/schedule.h>

namespace uwaga::cuda {

Schedule elementwise(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule columns(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule full(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule contraction(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts);

}  // namespace uwaga::cuda
