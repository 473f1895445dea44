// Runs graphs through the CUDA schedules and the emulated kernels: many graphs, one unit.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <uwaga/codegen/cuda/schedule.h>
#include <uwaga/ir/array.h>
#include <uwaga/runtime/cuda/emulate.h>

namespace uwaga::test {

// Dense elements of a dtype, as kernels see them.
using Bytes = std::vector<std::byte>;
Bytes bytes_of(const Array& array);

// Equal to the bit where `units` is 0, else within so many units of the last place of the larger of the value and `floor`.
void check_near(const Array& have, const Array& want, double units, double floor = 1e-30);

class CudaGraphs {
 public:
  // Fuses and schedules a graph (each node by itself where not `fused`); its number. Calls marked for `custom` have its kernels.
  std::size_t add(const Graph& graph, bool fused = true, const CustomKernels& custom = {});
  // Compiles all kernels that were added.
  void compile(std::uint64_t seed = 1);
  struct Result {
    Arrays outputs, updates;
    std::uint64_t error = 0;
  };
  Result run(std::size_t number, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes) const;
  // Runs the kernel interpreter instead, which throws where threads race or read what was not written; the error word.
  std::uint64_t judge(std::size_t number, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes) const;

  std::vector<kernel::NamedKernel> kernels() const;
  std::size_t launches(std::size_t number) const;
  const EmulatedCuda& code() const { return *code_; }

 private:
  using Launch = std::function<void(std::size_t kernel, const std::vector<std::span<std::byte>>& buffers, const std::vector<std::uint64_t>& arguments,
                                    std::uint64_t* error)>;
  Result run_with(const Launch& launch, std::size_t number, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes) const;

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
