// What a compiled program asks of its target: schedules, code, launches.
#pragma once

#include <memory>
#include <span>

#include <uwaga/runtime/compiled/internal/executable.h>
#include <uwaga/runtime/program.h>

namespace uwaga {

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Schedule schedule(const Graph& graph, const Cluster& cluster, const Layouts& layouts) const = 0;
  // Has it kernels for clusters of kind attention?
  virtual bool computes_attention() const { return false; }
  // Makes code of all kernels; fills the report's `emit`, `link` and `kernels_from_cache`.
  virtual void load(const KernelSet& kernels, CompileReport& report) = 0;
  // Runs all tasks of a kernel and returns when they are done. The error word keeps the smallest failure.
  virtual void launch(std::size_t kernel, std::span<void* const> buffers, std::span<const std::uint64_t> arguments,
                      std::int64_t tasks, std::uint64_t* error) = 0;
  // Called before a run: scratch that a worker needs for the largest of its kernels.
  virtual void reserve_scratch(std::int64_t bytes_of_a_worker) = 0;
  virtual int workers() const = 0;
  // Kernels that code was made of so far, cached ones not counted.
  virtual std::int64_t kernels_compiled() const = 0;
  virtual std::int64_t parallel_launches() const { return 0; }
};

#ifdef UWAGA_WITH_LLVM
std::unique_ptr<Backend> host_backend(int threads);
#endif
#ifdef UWAGA_WITH_CUDA
// CUDA kernels on the host: the order of blocks and threads is drawn from the seed.
std::unique_ptr<Backend> emulated_backend(std::uint64_t seed);
#endif

}  // namespace uwaga
