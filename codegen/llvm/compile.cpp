#include <uwaga/codegen/llvm/compile.h>

#include <fmt/format.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include <uwaga/codegen/kernel/routine.h>
#include <uwaga/codegen/llvm/internal/worker.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/on_threads.h>

namespace uwaga {
namespace {

std::int64_t microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

// Passes that have nothing to find in kernels, or nothing worth their time.
constexpr std::string_view kLeftOut[] = {
    // The emitter writes addresses that count along with their loops or lie beside what uses them, and instructions in an
    // order that is good for processors that order them once more.
    "Loop Strength Reduction", "Canonicalize Freeze Instructions in Loops", "Post RA top-down list latency scheduler",
    "CodeGen Prepare", "Constant Hoisting",
    // Kernels call nothing but routines, throw nothing and compare no memory; they have no switches, thread-local data or large frames.
    "Merge contiguous icmps into a memcmp", "Expand memcmp() to load/stores", "Lower Garbage Collection Instructions",
    "Shadow Stack GC Lowering", "Lower constant intrinsics", "Replace intrinsics with calls to vector library",
    "Partially inline calls to library functions", "Expand vector predication intrinsics",
    "Instrument function entry/exit with calls to e.g. mcount() (post inlining)", "TLS Variable Hoist",
    "Interleaved Access Pass", "X86 Partial Reduction", "Expand indirectbr instructions", "Exception handling preparation",
    "Prepare callbr", "Safe Stack instrumentation pass", "Insert stack protectors", "Local Dynamic TLS Access Clean-up",
    "Argument Stack Rebase", "Fixup Statepoint Caller Saved", "Analyze Machine Code For Garbage Collection",
    "Insert KCFI indirect call checks", "Insert fentry calls", "Insert XRay ops",
    "Implement the 'patchable-function' attribute", "Contiguously Lay Out Funclets", "StackMap Liveness Analysis",
    "Machine Sanitizer Binary Metadata", "Stack Frame Layout Analysis", "Pseudo Probe Inserter",
    "Register Allocation Pass Scoring", "X86 Windows Fixup Buffer Security Check", "X86 speculative load hardening",
    "X86 DynAlloca Expander", "X86 FP Stackifier", "X86 Load Value Injection (LVI) Load Hardening",
    "X86 Load Value Injection (LVI) Ret-Hardening", "X86 Indirect Branch Tracking", "X86 Atom pad short functions",
    "X86 Discriminate Memory Operands", "X86 Insert Cache Prefetches", "X86 insert wait instruction",
    "X86 Speculative Execution Side Effect Suppression", "X86 Indirect Thunks", "X86 Return Thunks",
    // What these change of the kernels of a GPT-2 training step lies outside of loops, or takes as long: saved registers, slots
    // on the stack, a move, whether a vector is loaded as integers or as floats.
    "Shrink Wrapping analysis", "PostRA Machine Sink", "Live Range Shrink", "Stack Slot Coloring", "Machine Copy Propagation Pass",
    "Remove dead machine instructions", "Control Flow Optimizer", "Machine InstCombiner", "X86 LEA Optimize",
    "X86 cmov Conversion", "X86 Execution Dependency Fix", "BreakFalseDeps",
    // These change none of them.
    "X86 Byte/Word Instruction Fixup", "Machine Loop Invariant Code Motion",
    "Early If-Conversion", "Early Tail Duplication", "Tail Duplication", "Merge disjoint stack slots",
    "Local Stack Slot Allocation", "Optimize machine instruction PHIs", "X86 Domain Reassignment Pass",
    "X86 Avoid Store Forwarding Blocks", "Machine Late Instructions Cleanup Pass", "Detect Dead Lanes",
    "Rename Disconnected Subregister Components"};

// LLVM's passes from its IR to an object, but for those left out, which took more than a quarter of the time. What only leads to
// the routines it calls is not ordered for the registers, nor are these handed out by the allocator that splits lives: there both
// change little but what is kept on the stack outside of loops, for a fifth of the time.
class KernelPasses final : public llvm::legacy::PassManagerBase {
 public:
  explicit KernelPasses(bool calls_routines) : calls_routines_(calls_routines) {}

  void add(llvm::Pass* pass) override {
    const std::string_view name = pass->getPassName();
    const auto is = [&](std::string_view other) { return name == other; };
    const bool left_out = std::any_of(std::begin(kLeftOut), std::end(kLeftOut), is);
    if (left_out || (calls_routines_ && name == "Machine Instruction Scheduler")) {
      delete pass;
    } else if (calls_routines_ && name == "Greedy Register Allocator") {
      delete pass;
      passes_.add(llvm::createBasicRegisterAllocator());
    } else {
      passes_.add(pass);
    }
  }
  void run(llvm::Module& module) { passes_.run(module); }

 private:
  const bool calls_routines_;
  llvm::legacy::PassManager passes_;
};

// Does it spend its time in routines, whose code is another's?
bool calls_routines(const std::vector<kernel::Stmt>& block) {
  return std::any_of(block.begin(), block.end(), [](const kernel::Stmt& s) {
    return s.kind == kernel::StmtKind::routine || calls_routines(s.body) || calls_routines(s.otherwise);
  });
}

struct CompileWorker::ObjectPasses {
  explicit ObjectPasses(bool calls_routines) : passes(calls_routines) {}
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out{bytes};
  KernelPasses passes;
};

CompileWorker::CompileWorker(const HostTarget& target, const CompileOptions& options)
    : target_(target), options_(options), machine_(make_machine(target, options.optimisation)) {}
CompileWorker::~CompileWorker() = default;

std::unique_ptr<llvm::Module> CompileWorker::emit(const kernel::Kernel& kernel, llvm::LLVMContext& context, bool whole,
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
  how.amx = target_.amx;
  how.short_of_registers = target_.vector_bytes == 32 && target_.registers < 32;
#else
  how.f16_convert = true;
#endif
  const auto print = [&](const kernel::Kernel& k, const std::string& symbol) {
    return kernel::Emitter(k, *module, how).emit(symbol, [this](const llvm::Function& f) { return machine_->getTargetTransformInfo(f); });
  };
  print(kernel, kKernelSymbol);
  if (whole) {
    for (const kernel::Routine& routine : kernel::different_routines(kernel))
      print(routine.kernel, kernel::symbol(routine))->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  if (options_.verify) {
    std::string problem;
    llvm::raw_string_ostream out(problem);
    if (llvm::verifyModule(*module, &out))
      throw InternalError("the LLVM IR of a kernel is not well formed: " + problem);
  }
  return module;
}

void CompileWorker::add_passes(KernelPasses& passes, llvm::raw_pwrite_stream& out, llvm::CodeGenFileType kind) {
  if (machine_->addPassesToEmitFile(passes, out, nullptr, kind, /*DisableVerify=*/true)) {
    throw InternalError("LLVM cannot write objects for this machine");
  }
}

void CompileWorker::assemble(const kernel::Kernel& kernel, llvm::Module& module, llvm::SmallVectorImpl<char>& text) {
  llvm::raw_svector_ostream out(text);
  KernelPasses passes(calls_routines(kernel.body));
  add_passes(passes, out, llvm::CodeGenFileType::AssemblyFile);
  passes.run(module);
}

CompiledKernel CompileWorker::compile(const kernel::Kernel& kernel, bool whole, std::span<const SourceLine> lines) {
  const auto start = std::chrono::steady_clock::now();
  CompiledKernel result;
  const std::unique_ptr<llvm::Module> module = emit(kernel, context_, whole, lines);
  result.emit_microseconds = microseconds_since(start);
  const auto emitted = std::chrono::steady_clock::now();
  const bool quick = !whole && calls_routines(kernel.body);
  std::unique_ptr<ObjectPasses>& objects = objects_[quick];
  if (!objects) {
    objects = std::make_unique<ObjectPasses>(quick);
    add_passes(objects->passes, objects->out, llvm::CodeGenFileType::ObjectFile);
  }
  objects->bytes.clear();
  objects->passes.run(*module);
  const auto* first = reinterpret_cast<const std::byte*>(objects->bytes.data());
  result.object.assign(first, first + objects->bytes.size());
  result.codegen_microseconds = microseconds_since(emitted);
  return result;
}

HostCompiler::HostCompiler(HostTarget target, CompileOptions options) : target_(std::move(target)), options_(options) {}
HostCompiler::~HostCompiler() = default;

CompiledKernel HostCompiler::compile(const kernel::Kernel& kernel) const {
  return CompileWorker(target_, options_).compile(kernel, true);
}

CompiledKernel HostCompiler::compile(const kernel::Kernel& kernel, std::span<const SourceLine> lines) const {
  CompileOptions options = options_;
  options.origins = true;
  return CompileWorker(target_, options).compile(kernel, true, lines);
}

std::vector<CompiledKernel> HostCompiler::compile(std::span<const kernel::Kernel* const> kernels, int threads) const {
  std::vector<CompiledKernel> results(kernels.size());
  // The longest first, so that no thread starts it last.
  std::vector<std::size_t> order(kernels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(kernels[b]->exprs.size(), a) < std::pair(kernels[a]->exprs.size(), b);
  });
  on_threads(order.size(), threads, [&] {
    const auto worker = std::make_shared<CompileWorker>(target_, options_);
    return [&, worker](std::size_t i) { results[order[i]] = worker->compile(*kernels[order[i]], false); };
  });
  return results;
}

}  // namespace uwaga
