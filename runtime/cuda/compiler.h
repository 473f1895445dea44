// What makes machine code of CUDA kernels: NVRTC for a GPU, the host's C++ compiler for emulated ones.
//
//   const NvrtcCompiler compiler;                                       // SystemError: what to install
//   const std::string cubin = compiler.compile(compiler.source(kernels), "sm_90a");
//
// Code depends on the source, the architecture and identity() alone: together they are its key in the kernel cache.
#pragma once

#include <span>
#include <string>

#include <uwaga/codegen/cuda/emit.h>
#include <uwaga/runtime/cuda/nvrtc.h>

namespace uwaga {

class CudaCompiler {
 public:
  virtual ~CudaCompiler() = default;
  virtual std::string identity() const = 0;
  // Is each kernel best a unit of its own, shared between programs and compiled beside others? Else a program is one unit.
  virtual bool apart() const = 0;
  virtual std::string source(std::span<const kernel::NamedKernel> kernels) const = 0;
  // For the driver's module loader. May be called by many threads at once.
  virtual std::string compile(const std::string& source, const std::string& architecture) const = 0;
};

class NvrtcCompiler final : public CudaCompiler {
 public:
  std::string identity() const override;
  bool apart() const override { return true; }
  std::string source(std::span<const kernel::NamedKernel> kernels) const override;
  std::string compile(const std::string& source, const std::string& architecture) const override;

 private:
  Nvrtc nvrtc_;
};

// For EmulatedGpu.
class EmulatingCompiler final : public CudaCompiler {
 public:
  EmulatingCompiler();
  std::string identity() const override;
  bool apart() const override { return false; }
  std::string source(std::span<const kernel::NamedKernel> kernels) const override;
  std::string compile(const std::string& source, const std::string& architecture) const override;

 private:
  std::string compiler_;
};

}  // namespace uwaga
