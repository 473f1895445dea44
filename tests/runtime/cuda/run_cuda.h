// Runs graphs through the CUDA schedules and the emulated kernels: many graphs, one unit.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <uwaga/codegen/cuda/schedule.h>
#include <uwaga/ir/array.h>
#include <uwaga/runtime/cuda/emulate.h>

namespace uwaga::test {

// Dense elements of a dtype, as kernels see them.
using Bytes = std::vector<std::byte>;
Bytes bytes_of(const Array& array);

class CudaGraphs {
 public:
  // Fuses and schedules a graph (each node by itself where not `fused`); its number.
  std::size_t add(const Graph& graph, bool fused = true);
  // Compiles all kernels that were added.
  void compile(std::uint64_t seed = 1);
  struct Result {
    Arrays outputs;
    std::uint64_t error = 0;
  };
  Result run(std::size_t number, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes) const;

  std::vector<kernel::NamedKernel> kernels() const;
  const EmulatedCuda& code() const { return *code_; }

 private:
  struct Program {
    Graph graph;
    Clustering clustering;
    Layouts layouts;
    std::vector<Schedule> schedules;
    std::vector<std::vector<std::size_t>> kernels;
  };
  std::vector<Program> programs_;
  std::map<std::string, std::size_t> known_;  // by source
  std::vector<std::unique_ptr<kernel::Kernel>> kernels_;
  std::unique_ptr<EmulatedCuda> code_;
};

}  // namespace uwaga::test
