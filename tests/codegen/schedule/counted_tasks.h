// Runs a graph's kernels and counts their tasks.
#pragma once

#include <algorithm>

#include <uwaga/codegen/kernel/launch.h>

#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

struct CountedRun {
  Arrays outputs;
  std::int64_t most_tasks = 0;  // of a kernel
};

inline CountedRun run_counted(const Graph& g, const Arrays& inputs, const HostTarget& target) {
  CountedRun r;
  const KernelRunner interpreter = kernel_interpreter();
  const KernelRunner counting = [&](const kernel::Kernel& k, const auto& buffers, const auto& arguments, std::uint64_t* error, bool first) {
    r.most_tasks = std::max(r.most_tasks, kernel::task_count(k, arguments));
    interpreter(k, buffers, arguments, error, first);
  };
  r.outputs = run_clusters(g, inputs, {}, {}, target, counting).outputs;
  return r;
}

// A machine with vectors of 64 bytes.
inline HostTarget wide(int threads) {
  HostTarget target;
  target.vector_bytes = 64;
  target.registers = 32;
  target.threads = threads;
  return target;
}

}  // namespace uwaga::test
