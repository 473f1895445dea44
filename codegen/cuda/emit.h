// Kernels as CUDA C++ that a person can read.
//
//   std::string unit = cuda_source({{&kernel, "k0"}});          // what NVRTC compiles; nothing is included
//   CudaLaunch launch = cuda_launch(kernel, arguments);         // how many blocks of how many threads
//
// A kernel becomes
//
//   extern "C" __global__ void k0(f32* b0, const f32* b1, i64 s0, u64* error)
//
// with the global buffers, the scalar arguments and the error word in that order. Vectors are written lane by lane. Names
// are generated, and every line ends with the ordinal of the op it came from: `// #3`.
//
// A block of threads runs a task; a kernel of one thread a task runs kTasksABlock tasks a block, a thread each.
//
// To be compiled with --fmad=false: the bits are those of the kernel IR. Functions (exp, ...) are expanded before
// (codegen/kernel/math.h); what the emitter has no words for is an InternalError.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel {

struct NamedKernel {
  const Kernel* kernel = nullptr;
  std::string name;  // an identifier, chosen by the caller: never a user's name
};

// The function alone.
std::string emit_cuda(const Kernel& kernel, const std::string& name);
// The preamble and the functions.
std::string cuda_source(std::span<const NamedKernel> kernels);
// The same for the host's compiler, and for each function a C entry `NAME_thread(Place*, void* const* parameters)` that runs one
// thread of one block, given the address of each parameter's value, and `const i64 NAME_facts[3]`: bytes of shared memory
// of a block, whether its threads meet at barriers, and the number of parameters.
std::string emulated_source(std::span<const NamedKernel> kernels);

inline constexpr int kTasksABlock = 32;
struct CudaLaunch {
  std::int64_t blocks = 0;  // 0: nothing to do
  int threads = 1;
};
CudaLaunch cuda_launch(const Kernel& kernel, std::span<const std::uint64_t> arguments);

// Bytes of the shared buffers of a task, which follow one another from multiples of 16.
std::int64_t shared_bytes(const Kernel& kernel);

// Lines of an emitted function that name no op: 0.
int cuda_lines_without_origin(std::string_view function);

}  // namespace uwaga::kernel
