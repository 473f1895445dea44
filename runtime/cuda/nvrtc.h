// NVIDIA's run-time compiler: CUDA C++ to machine code for a GPU that need not be there.
//
//   Nvrtc nvrtc;                                              // opens libnvrtc; SystemError where there is none
//   CudaBinary b = nvrtc.compile(source, {.architecture = "sm_90a"});
//   b.cubin; b.functions[0].registers; b.warnings;
//
// The library is looked for under $UWAGA_NVRTC (a file or a folder), then where the loader and the toolkit have it. A source
// that does not compile is an InternalError with the compiler's log: sources are ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <uwaga/runtime/cuda/internal/library.h>

namespace uwaga {

struct CudaFunction {
  std::string name;
  int registers = 0;     // a thread
  int stack_bytes = 0, spill_store_bytes = 0, spill_load_bytes = 0;  // a thread
  int shared_bytes = 0;  // a block
};

struct CudaBinary {
  std::string cubin, ptx;  // ptx only where asked for
  std::string log;
  std::vector<CudaFunction> functions;
  std::vector<std::string> warnings;  // of the assembler (C75xx) and of the compiler, a line each
  std::int64_t microseconds = 0;
};

struct CudaCompileOptions {
  std::string architecture = "sm_80";
  bool ptx = false;
};

// What the assembler's log says.
void parse_ptxas_log(std::string_view log, CudaBinary& into);

class Nvrtc {
 public:
  // `path`: a library, or a folder that holds one; empty: $UWAGA_NVRTC, then the usual places.
  explicit Nvrtc(const std::string& path = {});
  // The sentence that a constructor would throw; empty where there is a compiler.
  static std::string why_not(const std::string& path = {});

  CudaBinary compile(const std::string& source, const CudaCompileOptions& options) const;
  int major() const { return major_; }
  int minor() const { return minor_; }
  const std::string& library() const { return library_.name(); }

 private:
  using Program = void*;
  cuda::Library library_;
  int major_ = 0, minor_ = 0;
  int (*version_)(int*, int*) = nullptr;
  const char* (*error_)(int) = nullptr;
  int (*create_)(Program*, const char*, const char*, int, const char* const*, const char* const*) = nullptr;
  int (*destroy_)(Program*) = nullptr;
  int (*compile_)(Program, int, const char* const*) = nullptr;
  int (*log_size_)(Program, std::size_t*) = nullptr;
  int (*log_)(Program, char*) = nullptr;
  int (*cubin_size_)(Program, std::size_t*) = nullptr;
  int (*cubin_)(Program, char*) = nullptr;
  int (*ptx_size_)(Program, std::size_t*) = nullptr;
  int (*ptx_)(Program, char*) = nullptr;
};

}  // namespace uwaga
