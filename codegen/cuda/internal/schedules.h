// The GPU's schedules, one a family of clusters (../schedule.h says how each divides its work).
#pragma once

#include <functional>

#include <uwaga/codegen/cuda/schedule.h>
#include <uwaga/codegen/lower/inline.h>

namespace uwaga::cuda {

// Every element of `like` by one thread, kElements of a thread a block apart.
void each_element(kernel::Inline& x, Value like, const std::function<void(const kernel::IndexEnv&)>& body);
Schedule elementwise(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule columns(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule full(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule contraction(const Graph& graph, const Cluster& cluster, const Layouts& layouts);
Schedule attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts);

}  // namespace uwaga::cuda
