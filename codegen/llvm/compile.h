// Kernels to machine code, as relocatable objects that can be kept on disk and loaded again (load.h).
//
//   HostCompiler compiler(target);
//   std::vector<CompiledKernel> objects = compiler.compile(kernels, /*threads=*/2);
//   HostCode code(objects[0].object);
//   code.function()(&arguments, 0, tasks);
//
// An object's bytes are a function of the kernel, the target and the options: not of the batch, the thread or the count
// of threads. An object's function is named kKernelSymbol, a routine's (kernel/routine.h) too; names for people are given when it
// is loaded. A compiler may be used by many threads at once. What the emitter cannot express is an InternalError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <uwaga/codegen/kernel/kernel.h>
#include <uwaga/codegen/listing.h>
#include <uwaga/codegen/schedule.h>

namespace uwaga {

inline constexpr const char* kKernelSymbol = "kernel";

struct CompileOptions {
  int optimisation = 2;  // of LLVM's code generator, 1 to 3; no optimisation of IR is ever run
  bool origins = false;  // debug lines: the ordinal of an instruction's op + 1
  bool verify = false;   // LLVM's own verifier over what we printed
};

// Where an op stands in the model, for debuggers.
struct SourceLine {
  std::string file;
  int line = 0;
};

struct CompiledKernel {
  std::vector<std::byte> object;
  std::int64_t emit_microseconds = 0;     // kernel IR to LLVM IR
  std::int64_t codegen_microseconds = 0;  // LLVM IR to the object
};

class HostCompiler {
 public:
  explicit HostCompiler(HostTarget target, CompileOptions options = {});
  ~HostCompiler();
  HostCompiler(const HostCompiler&) = delete;
  HostCompiler& operator=(const HostCompiler&) = delete;

  const HostTarget& target() const { return target_; }

  // With the functions of its routines in the object.
  CompiledKernel compile(const kernel::Kernel& kernel) const;
  // With DWARF that leads to the model: lines[ordinal]. Such an object belongs to one program and is not for the cache.
  CompiledKernel compile(const kernel::Kernel& kernel, std::span<const SourceLine> lines) const;
  // On at most so many threads, the calling one among them. Objects in the order of the kernels, and without the functions of
  // their routines: those are kernels of the batch too, and found by their symbols when the others are loaded.
  std::vector<CompiledKernel> compile(std::span<const kernel::Kernel* const> kernels, int threads) const;

  // For inspection: LLVM IR and assembly, each instruction with its op.
  std::vector<ListingLine> llvm_listing(const kernel::Kernel& kernel) const;
  std::vector<ListingLine> assembly_listing(const kernel::Kernel& kernel) const;

 private:
  HostTarget target_;
  CompileOptions options_;
};

}  // namespace uwaga
