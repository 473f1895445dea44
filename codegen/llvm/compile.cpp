#include <uwaga/codegen/llvm/compile.h>

#include <fmt/format.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <numeric>
#include <string_view>
#include <thread>
#include <utility>

#include <uwaga/codegen/llvm/internal/worker.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

std::int64_t microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
}

// LLVM's passes from its IR to an object, without those that have nothing to find in kernels and took a quarter of the
// time: the emitter writes addresses that count along with their loops, and instructions in an order that is good for
// processors that order them once more.
class KernelPasses final : public llvm::legacy::PassManagerBase {
 public:
  void add(llvm::Pass* pass) override {
    static constexpr std::array<std::string_view, 3> kLeftOut = {
        "Loop Strength Reduction", "Canonicalize Freeze Instructions in Loops", "Post RA top-down list latency scheduler"};
    if (std::find(kLeftOut.begin(), kLeftOut.end(), std::string_view(pass->getPassName())) != kLeftOut.end()) {
      delete pass;
    } else {
      passes_.add(pass);
    }
  }
  void run(llvm::Module& module) { passes_.run(module); }

 private:
  llvm::legacy::PassManager passes_;
};

}  // namespace

CompileWorker::CompileWorker(const HostTarget& target, const CompileOptions& options)
    : target_(target), options_(options), machine_(make_machine(target, options.optimisation)) {}

std::unique_ptr<llvm::Module> CompileWorker::emit(const kernel::Kernel& kernel, llvm::LLVMContext& context,
                                                  std::span<const SourceLine> lines) {
  context.setDiscardValueNames(!options_.origins);
  auto module = std::make_unique<llvm::Module>("uwaga", context);
  module->setDataLayout(machine_->createDataLayout());
  module->setTargetTriple(machine_->getTargetTriple().str());
  kernel::EmitterOptions how;
  how.origins = options_.origins;
  how.lines = lines;
  how.vector_bytes = target_.vector_bytes;
  how.tune = target_.tune;
#if defined(__x86_64__)
  how.f16_convert = target_.vector_bytes >= 32;
  how.bf16_dot = target_.bf16_dot;
#else
  how.f16_convert = true;
#endif
  kernel::Emitter emitter(kernel, *module, how);
  emitter.emit(kKernelSymbol, [this](const llvm::Function& f) { return machine_->getTargetTransformInfo(f); });
  if (options_.verify) {
    std::string problem;
    llvm::raw_string_ostream out(problem);
    if (llvm::verifyModule(*module, &out))
      throw InternalError("the LLVM IR of a kernel is not well formed: " + problem);
  }
  return module;
}

void CompileWorker::generate(llvm::Module& module, llvm::SmallVectorImpl<char>& result, llvm::CodeGenFileType kind) {
  llvm::raw_svector_ostream out(result);
  KernelPasses passes;
  if (machine_->addPassesToEmitFile(passes, out, nullptr, kind, /*DisableVerify=*/true)) {
    throw InternalError("LLVM cannot write objects for this machine");
  }
  passes.run(module);
}

CompiledKernel CompileWorker::compile(const kernel::Kernel& kernel, std::span<const SourceLine> lines) {
  const auto start = std::chrono::steady_clock::now();
  CompiledKernel result;
  llvm::LLVMContext context;
  const std::unique_ptr<llvm::Module> module = emit(kernel, context, lines);
  result.emit_microseconds = microseconds_since(start);
  const auto emitted = std::chrono::steady_clock::now();
  llvm::SmallVector<char, 0> bytes;
  generate(*module, bytes, llvm::CodeGenFileType::ObjectFile);
  const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  result.object.assign(first, first + bytes.size());
  result.codegen_microseconds = microseconds_since(emitted);
  return result;
}

HostCompiler::HostCompiler(HostTarget target, CompileOptions options) : target_(std::move(target)), options_(options) {}
HostCompiler::~HostCompiler() = default;

CompiledKernel HostCompiler::compile(const kernel::Kernel& kernel) const {
  return CompileWorker(target_, options_).compile(kernel);
}

CompiledKernel HostCompiler::compile(const kernel::Kernel& kernel, std::span<const SourceLine> lines) const {
  CompileOptions options = options_;
  options.origins = true;
  return CompileWorker(target_, options).compile(kernel, lines);
}

std::vector<CompiledKernel> HostCompiler::compile(std::span<const kernel::Kernel* const> kernels, int threads) const {
  std::vector<CompiledKernel> results(kernels.size());
  std::vector<std::exception_ptr> failures(kernels.size());
  // The longest first, so that no thread starts it last.
  std::vector<std::size_t> order(kernels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(kernels[b]->exprs.size(), a) < std::pair(kernels[a]->exprs.size(), b);
  });
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    std::unique_ptr<CompileWorker> worker;
    for (std::size_t i; (i = next.fetch_add(1)) < order.size();) {
      const std::size_t which = order[i];
      try {
        if (!worker) worker = std::make_unique<CompileWorker>(target_, options_);
        results[which] = worker->compile(*kernels[which]);
      } catch (...) {
        failures[which] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    const std::size_t count = std::min(kernels.size(), static_cast<std::size_t>(std::max(threads, 1)));
    for (std::size_t i = 1; i < count; ++i) others.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return results;
}

}  // namespace uwaga
