// What a compiled program asks of its target: schedules, code, memory, launches.
//
// A target without memory of its own (`memories` null) works on the host's, and does at once what it is asked. One with its
// own may work behind: what it was asked is done, in order, when finish() has returned.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include <uwaga/codegen/custom_kernel.h>
#include <uwaga/runtime/compiled/internal/executable.h>
#include <uwaga/runtime/compiled/internal/passes.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/program/internal/target_memory.h>

namespace uwaga {

class Backend {
 public:
  virtual ~Backend() = default;

  // Kernels of the user's for what is scheduled from here on.
  void use(CustomKernels kernels) { custom_ = std::move(kernels); }
  const CustomKernels& custom() const { return custom_; }

  virtual Schedule schedule(const Graph& graph, const Cluster& cluster, const Layouts& layouts) const = 0;
  virtual LoweringRules lowering_rules() const { return {}; }
  // What its schedules allow clusters to hold.
  virtual FuseRules fuse_rules() const { return {}; }
  // What divides wide rows in memory, in bytes (align_rows); 0: nothing need.
  virtual std::int64_t row_bytes() const { return 0; }
  // Makes code of all kernels; fills the report's `emit`, `link` and counts of kernels.
  virtual void load(const KernelSet& kernels, CompileReport& report) = 0;
  virtual TargetMemories* memories() { return nullptr; }
  // Addresses are the target's, except the host's side of uploads and downloads, which must stay until finish().
  virtual void upload(void* to, const void* from, std::size_t bytes);
  virtual void download(void* to, const void* from, std::size_t bytes);
  virtual void copy(void* to, const void* from, std::size_t bytes);
  // Of so many bytes each, one after the other in `from`, `pitch` bytes apart in `to`.
  virtual void copy_pieces(void* to, std::size_t pitch, const void* from, std::size_t bytes, std::size_t pieces);
  virtual void write_index(void* to, std::int64_t index);
  virtual void finish() {}

  // Runs all tasks of a kernel. The error word, on the host, keeps the smallest failure; it is known after finish().
  virtual void launch(std::size_t kernel, std::span<void* const> buffers, std::span<const std::uint64_t> arguments,
                      std::int64_t tasks, std::uint64_t* error) = 0;
  // Of several kernels that have nothing to do with one another, at once where the target can.
  struct KernelLaunch {
    std::size_t kernel;
    std::span<void* const> buffers;
    std::span<const std::uint64_t> arguments;
    std::int64_t tasks;
    std::uint64_t* error;
  };
  virtual void launch_together(std::span<const KernelLaunch> launches) {
    for (const KernelLaunch& l : launches) launch(l.kernel, l.buffers, l.arguments, l.tasks, l.error);
  }
  // Milliseconds that `launches` took on the target.
  virtual double timed(const std::function<void()>& launches);
  // Called before a run: scratch that a worker needs for the largest of its kernels.
  virtual void reserve_scratch(std::int64_t) {}
  virtual int workers() const { return 0; }  // that have scratch
  // Kernels that code was made of so far, cached ones not counted.
  virtual std::int64_t kernels_compiled() const = 0;
  virtual std::int64_t parallel_launches() const { return 0; }

 private:
  CustomKernels custom_;
};

#ifdef UWAGA_WITH_LLVM
class ThreadPool;
// `threads` may serve other programs that never run at the same time.
std::unique_ptr<Backend> host_backend(std::shared_ptr<ThreadPool> threads);
std::unique_ptr<Backend> host_backend(int threads);
#endif
#ifdef UWAGA_WITH_CUDA
class CudaCalls;
class CudaCompiler;
// A device of the driver behind `calls`. `where` names its memory; devices of one name share addresses.
std::unique_ptr<Backend> cuda_backend(int device, std::shared_ptr<CudaCalls> calls, std::shared_ptr<const CudaCompiler> compiler,
                                      const std::string& where);
// libcuda and NVRTC. SystemError: which of them is missing, and what to install.
std::unique_ptr<Backend> cuda_backend(int device);
// CUDA kernels on the host: the order of blocks and threads is drawn from the seed.
std::unique_ptr<Backend> emulated_backend(std::uint64_t seed);
#endif

}  // namespace uwaga
