// Loops without reductions, on the host.
#pragma once

#include <functional>
#include <vector>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

// One pass over the axes of the cluster's outputs, in the order in which the first lies in memory: axes that one index can
// walk are collapsed, the fastest is vectorised, tasks are rows or pieces of rows of about kTaskElements.
Schedule elementwise(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

// Tasks and loops over the elements of a value like `like`, as it lies; `body` is called where the builder then stands.
void each_element(kernel::Inline& x, const HostTarget& target, Value like, const std::function<void(const kernel::IndexEnv&)>& body);

// What is read beside the cluster's results, element by element, where that comes from several places and is more than caches hold.
std::vector<Value> large_streams(const GraphData& graph, const Cluster& cluster, const HostTarget& target);

}  // namespace uwaga::schedule
