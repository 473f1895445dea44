// Runs a graph the way a program does: fused, scheduled, kernel after kernel.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/array.h>

#include "tests/codegen/unfused.h"
#include "tests/ir/every_op.h"

namespace uwaga::test {

// Runs one kernel's tasks; by default the kernel interpreter, which judges it too. Only the first kernel of a cluster finds
// outputs that nothing was written to.
using KernelRunner = std::function<void(const kernel::Kernel& kernel, const std::vector<std::span<std::byte>>& buffers,
                                        const std::vector<std::uint64_t>& arguments, std::uint64_t* error, bool first)>;
KernelRunner kernel_interpreter();

// Writes a cluster's kernels; by default schedule_for_host.
using Scheduler = std::function<Schedule(const Graph&, const Cluster&, const Layouts&)>;
Scheduler cuda_scheduler();

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
ClusterRun run_clustering(const Graph& graph, Clustering clustering, const Arrays& inputs, const Arrays& parameters,
                          const Sizes& sizes, const HostTarget& target = {}, const KernelRunner& runner = kernel_interpreter(),
                          const Scheduler& scheduler = {});

// A graph to try, and the sizes of its symbols.
struct SizedGraph {
  std::string what;
  Graph graph;
  Sizes sizes;
};
// Its kernels give the typed interpreter's bits, for inputs drawn by `seed`; else a CHECK fails.
void check_typed_bits(const SizedGraph& g, unsigned seed, const HostTarget& target, const KernelRunner& runner = kernel_interpreter());

// What differs between the typed interpreter and the kernels of an example, one sentence each; empty where all bits are
// equal. Vectors of so many bytes; 0: the CUDA schedules.
std::vector<std::string> kernel_differences(const OpExample& e, const Sizes& sizes, int vector_bytes, bool fused);

// A host with vectors of so many bytes, and as many registers as go with them.
inline HostTarget with_vectors(int bytes) {
  HostTarget target;
  target.vector_bytes = bytes;
  target.registers = bytes == 64 ? 32 : 16;
  return target;
}

}  // namespace uwaga::test
