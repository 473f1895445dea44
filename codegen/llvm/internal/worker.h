// One thread's compiler: a TargetMachine and its passes, used for one kernel after the other.
#pragma once

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <array>
#include <memory>

#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/codegen/llvm/internal/machine.h>

namespace uwaga {

class KernelPasses;

class CompileWorker {
 public:
  CompileWorker(const HostTarget& target, const CompileOptions& options);
  ~CompileWorker();
  // `whole`: with the functions of the kernel's routines.
  std::unique_ptr<llvm::Module> emit(const kernel::Kernel& kernel, llvm::LLVMContext& context, bool whole,
                                     std::span<const SourceLine> lines = {});
  void assemble(const kernel::Kernel& kernel, llvm::Module& module, llvm::SmallVectorImpl<char>& text);
  CompiledKernel compile(const kernel::Kernel& kernel, bool whole, std::span<const SourceLine> lines = {});

 private:
  void add_passes(KernelPasses& passes, llvm::raw_pwrite_stream& out, llvm::CodeGenFileType kind);

  HostTarget target_;
  CompileOptions options_;
  std::unique_ptr<llvm::TargetMachine> machine_;
  llvm::LLVMContext context_;
  struct ObjectPasses;
  // Of kernels that call no routines, and of those that do: made for the first, it takes as long as the code of a small kernel.
  std::array<std::unique_ptr<ObjectPasses>, 2> objects_;
};

}  // namespace uwaga
