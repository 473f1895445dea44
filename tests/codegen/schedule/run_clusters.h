// Runs a graph the way a program does: fused, scheduled, kernel after kernel, on the one-lane-at-a-time machine.
#pragma once

#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/array.h>

namespace uwaga::test {

struct ClusterRun {
  Arrays outputs;
  Clustering clustering;
  int kernels = 0;
  bool failed = false;  // an index was out of range
};

// `sizes` of symbols; parameters by path. Clusters of kind structure and attention are refused.
ClusterRun run_clusters(const Graph& graph, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes,
                        const HostTarget& target = {});
// Every node a cluster of its own.
Clustering unfused(const Graph& graph);
ClusterRun run_clustering(const Graph& graph, Clustering clustering, const Arrays& inputs, const Arrays& parameters,
                          const Sizes& sizes, const HostTarget& target = {});

}  // namespace uwaga::test
