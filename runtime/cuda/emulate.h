// CUDA kernels without a GPU: the generated source, compiled by the host's C++ compiler and run there.
//
//   const EmulatedCuda code({{&kernel, "k0"}}, {.cache = KernelCache::standard()});
//   code.run(0, buffers, arguments, &error);
//
// All kernels of a program are one header-free unit and one shared object, kept in the cache. Blocks and the threads of a
// block run in an order drawn from `seed`; a kernel with barriers runs its threads as fibres. Shared memory and a thread's
// own are poisoned. Threads that disagree on a barrier are an InternalError that names the seed.
//
// SystemError where no C++ compiler is found. An object of this class may be used by many threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <uwaga/codegen/cuda/emit.h>
#include <uwaga/runtime/io/kernel_cache.h>

namespace uwaga {

struct EmulateOptions {
  std::uint64_t seed = 1;  // of the order of blocks and threads
  std::string compiler;    // empty: $UWAGA_CXX, then c++, g++, clang++ of the PATH
  const KernelCache* cache = nullptr;
};

class EmulatedCuda {
 public:
  explicit EmulatedCuda(std::span<const kernel::NamedKernel> kernels, const EmulateOptions& options = {});
  ~EmulatedCuda();
  EmulatedCuda(const EmulatedCuda&) = delete;
  EmulatedCuda& operator=(const EmulatedCuda&) = delete;

  // One launch of kernel number `index`: its global buffers, its scalar arguments, the error word.
  void run(std::size_t index, std::span<void* const> buffers, std::span<const std::uint64_t> arguments, std::uint64_t* error) const;

  bool cached() const { return cached_; }
  std::int64_t compile_microseconds() const { return microseconds_; }

 private:
  struct Loaded;
  std::unique_ptr<Loaded> loaded_;
  std::uint64_t seed_;
  bool cached_ = false;
  std::int64_t microseconds_ = 0;
};

}  // namespace uwaga
