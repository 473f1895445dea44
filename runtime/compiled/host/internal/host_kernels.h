// Compiled kernels of a program: from the disk cache where they are there, else compiled, in parallel.
#pragma once

#include <vector>

#include <uwaga/codegen/llvm/load.h>
#include <uwaga/runtime/compiled/internal/executable.h>
#include <uwaga/runtime/program.h>

namespace uwaga {

// This machine, less what UWAGA_CPU switches off.
HostTarget this_host();

class HostKernels {
 public:
  HostKernels() = default;
  explicit HostKernels(std::vector<HostCode> code) : code_(std::move(code)) {}
  kernel::HostFunction at(std::size_t kernel) const { return code_[kernel].function(); }

 private:
  std::vector<HostCode> code_;
};

// Fills the report's `emit`, `link` and `kernels_from_cache`.
HostKernels compile_kernels(const KernelSet& kernels, const HostTarget& target, int threads, CompileReport& report);

}  // namespace uwaga
