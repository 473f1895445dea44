// CUDA kernels without a GPU: the generated source, compiled by the host's C++ compiler and run there.
//
//   const EmulatedCuda code({{&kernel, "k0"}}, {.cache = KernelCache::standard()});
//   code.run(0, buffers, arguments, &error);
//
// All kernels of a program are one header-free unit and one shared object, kept in the cache. Blocks and the threads of a
// block run in an order drawn from `seed`; a kernel with barriers runs its threads as fibres. Shared memory and a thread's
// own are poisoned. Threads that disagree on a barrier are an InternalError that names the seed.
//
// SystemError where no C++ compiler is found. Objects of these classes may be used by many threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <uwaga/codegen/cuda/emit.h>
#include <uwaga/runtime/io/kernel_cache.h>

namespace uwaga {

// The compiler to use: `given`, else $UWAGA_CXX, else c++, g++, clang++ of the PATH.
std::string emulating_compiler(const std::string& given = {});
// What its objects depend on beside the source: the program, its size and date, the flags.
std::string identity_of(const std::string& compiler);
// The shared object made of an emulated_source(), as bytes.
std::string emulated_object(const std::string& source, const std::string& compiler);

// A shared object of emulated kernels, loaded.
class EmulatedModule {
 public:
  explicit EmulatedModule(const std::string& object);
  ~EmulatedModule();
  EmulatedModule(const EmulatedModule&) = delete;
  EmulatedModule& operator=(const EmulatedModule&) = delete;

  struct Function;
  const Function* find(const std::string& name) const;  // null where there is none
  static int parameters(const Function& function);  // how many it takes, the error word included
  // One launch. `parameters` hold the address of each parameter's value, as in a launch on a GPU.
  static void run(const Function& function, kernel::CudaLaunch launch, void* const* parameters, std::uint64_t seed);

 private:
  struct Loaded;
  std::unique_ptr<Loaded> loaded_;
};

struct EmulateOptions {
  std::uint64_t seed = 1;  // of the order of blocks and threads
  std::string compiler;    // as emulating_compiler takes it
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

 private:
  struct Entry {
    kernel::Kernel kernel;
    const EmulatedModule::Function* function = nullptr;
  };
  std::vector<Entry> entries_;
  std::unique_ptr<EmulatedModule> module_;
  std::uint64_t seed_;
  bool cached_ = false;
};

}  // namespace uwaga
