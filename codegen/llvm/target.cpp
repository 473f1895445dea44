#include <uwaga/codegen/llvm/target.h>

#include <fmt/format.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

#include <uwaga/codegen/llvm/internal/build_id.h>
#include <uwaga/codegen/llvm/internal/machine.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

// LLVM keeps its targets in a registry that is filled once and must not be filled by two threads at a time.
void register_target() {
  static const bool registered = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    return true;
  }();
  static_cast<void>(registered);
}

}  // namespace

HostTarget host_target(const HostFeatures& f) {
  HostTarget t;
  t.tune = llvm::sys::getHostCPUName().str();
  t.tuning = tuning_of(t.tune);
#if defined(__x86_64__)
  t.cpu = f.avx512 ? "x86-64-v4" : f.avx2 ? "x86-64-v3" : "x86-64";
  t.vector_bytes = f.avx512 ? 64 : f.avx2 ? 32 : 16;
  t.registers = f.avx512 ? 32 : 16;
  t.fma = f.avx2 || f.avx512;
  t.bf16_dot = f.avx512 && f.avx512_bf16;
  t.amx = f.avx512 && f.amx_bf16;
  const auto feature = [&](bool on, const char* name) {
    if (on) t.features.append(t.features.empty() ? "+" : ",+").append(name);
  };
  feature(t.bf16_dot, "avx512bf16");
  feature(f.avx512 && f.avx512_fp16, "avx512fp16");
  feature(t.amx, "amx-tile");
  feature(t.amx, "amx-bf16");
#else
  t.cpu = "generic";
  t.vector_bytes = 16;
  t.registers = 32;
  t.fma = true;
#endif
  return t;
}

std::unique_ptr<llvm::TargetMachine> make_machine(const HostTarget& target, int optimisation) {
  register_target();
  const std::string triple = llvm::sys::getProcessTriple();
  std::string problem;
  const llvm::Target* known = llvm::TargetRegistry::lookupTarget(triple, problem);
  if (!known) throw InternalError(fmt::format("LLVM has no target {}: {}", triple, problem));
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // a product and a sum stay two roundings
  const llvm::CodeGenOptLevel level = optimisation <= 1   ? llvm::CodeGenOptLevel::Less
                                      : optimisation == 2 ? llvm::CodeGenOptLevel::Default
                                                          : llvm::CodeGenOptLevel::Aggressive;
  std::unique_ptr<llvm::TargetMachine> machine(known->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_, llvm::CodeModel::Small, level, /*JIT=*/true));
  if (!machine) throw InternalError(fmt::format("LLVM makes no machine for {} {}", target.cpu, target.features));
  return machine;
}

std::string target_key(const HostTarget& target) {
  return fmt::format("{} {} {} tune {} vector {} llvm {} emitter {}", llvm::sys::getProcessTriple(), target.cpu,
                     target.features, target.tune, target.vector_bytes, LLVM_VERSION_STRING, kEmitterBuildId);
}

}  // namespace uwaga
