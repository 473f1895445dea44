// Runs a graph the way a program does: fused, scheduled, kernel after kernel.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/array.h>

namespace uwaga::test {

// Runs one kernel's tasks; by default the kernel interpreter, which judges it too.
using KernelRunner = std::function<void(const kernel::Kernel& kernel, const std::vector<std::span<std::byte>>& buffers,
                                        const std::vector<std::uint64_t>& arguments, std::uint64_t* error)>;
KernelRunner kernel_interpreter();

struct ClusterRun {
  Arrays outputs;
  Clustering clustering;
  int kernels = 0;
  bool failed = false;  // an index was out of range
};

// Values for every input and parameter: floats in [low, high], integers below `index_limit`.
struct Drawn {
  Arrays inputs, parameters;
};
Drawn draw(const Graph& graph, const Sizes& sizes, unsigned seed, double low = -2, double high = 2, std::int64_t index_limit = 3);
// Equal element by element, NaN to NaN; else a CHECK fails.
void check_bits(const Array& have, const Array& want);

// `sizes` of symbols; parameters by path. Clusters of kind structure and attention are refused.
ClusterRun run_clusters(const Graph& graph, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes,
                        const HostTarget& target = {}, const KernelRunner& runner = kernel_interpreter());
// Every node a cluster of its own.
Clustering unfused(const Graph& graph);
ClusterRun run_clustering(const Graph& graph, Clustering clustering, const Arrays& inputs, const Arrays& parameters,
                          const Sizes& sizes, const HostTarget& target = {}, const KernelRunner& runner = kernel_interpreter());

}  // namespace uwaga::test
