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
  HostKernels(std::vector<HostCode> routines, std::vector<HostCode> code, std::vector<std::size_t> which)
      : routines_(std::move(routines)), code_(std::move(code)), which_(std::move(which)) {}
  kernel::HostFunction at(std::size_t kernel) const { return code_[which_[kernel]].function(); }

 private:
  std::vector<HostCode> routines_;  // that code_ calls
  std::vector<HostCode> code_;
  std::vector<std::size_t> which_;  // by kernel: some share their code
};

// Each code once. Fills the report's `emit`, `link` and counts of kernels.
HostKernels compile_kernels(const KernelSet& kernels, const HostTarget& target, int threads, CompileReport& report);

}  // namespace uwaga
