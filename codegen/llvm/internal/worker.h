// One thread's compiler: a TargetMachine, used for one kernel after the other.
#pragma once

#include <llvm/IR/Module.h>

#include <memory>

#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/codegen/llvm/internal/machine.h>

namespace uwaga {

class CompileWorker {
 public:
  CompileWorker(const HostTarget& target, const CompileOptions& options);
  std::unique_ptr<llvm::Module> emit(const kernel::Kernel& kernel, llvm::LLVMContext& context,
                                     std::span<const SourceLine> lines = {});
  void generate(llvm::Module& module, llvm::SmallVectorImpl<char>& result, llvm::CodeGenFileType kind);
  CompiledKernel compile(const kernel::Kernel& kernel, std::span<const SourceLine> lines = {});

 private:
  HostTarget target_;
  CompileOptions options_;
  std::unique_ptr<llvm::TargetMachine> machine_;
};

}  // namespace uwaga
