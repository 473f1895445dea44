// The frame of a kernel's function: its arguments, scratch memory, and the walk over its range of tasks.
#include <fmt/format.h>

#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

Emitter::Emitter(const Kernel& kernel, llvm::Module& module, const EmitterOptions& options)
    : kernel_(kernel), module_(module), context_(module.getContext()), options_(options), b_(context_) {
  variables_.resize(kernel.variables.size());
  variable_depth_.resize(kernel.variables.size());
  alias_.assign(kernel.variables.size(), kNone);
  let_.assign(kernel.variables.size(), kNone);
  if (kernel.threads != 1)
    throw InternalError(fmt::format("a kernel for the host has {} threads a task", kernel.threads));
  study();
}

llvm::Function* Emitter::emit(const std::string& name,
                              const std::function<llvm::TargetTransformInfo(const llvm::Function&)>& target_info) {
  llvm::Type *word = b_.getInt64Ty(), *pointer = b_.getPtrTy();
  auto* type = kernel_.routine ? signature(kernel_) : llvm::FunctionType::get(b_.getVoidTy(), {pointer, word, word}, false);
  function_ = llvm::cast<llvm::Function>(module_.getOrInsertFunction(name, type).getCallee());
  function_->setDSOLocal(true);
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  if (!options_.tune.empty()) function_->addFnAttr("tune-cpu", options_.tune);
  // Explicit vectors are meant as written: without these two LLVM splits 64-byte ones on many processors that have
  // them.
  const std::string width = std::to_string(options_.vector_bytes * 8);
  function_->addFnAttr("prefer-vector-width", width);
  function_->addFnAttr("min-legal-vector-width", width);
  if (!kernel_.routine) {
    function_->addParamAttr(0, llvm::Attribute::NonNull);
    function_->addParamAttr(0, llvm::Attribute::getWithDereferenceableBytes(context_, sizeof(HostArguments)));
  }
  target_.emplace(target_info(*function_));
  if (options_.origins) describe(name);

  b_.SetInsertPoint(new_block("entry"));
  enter(false);
  at(kernel_.body.empty() ? Ordinal{0} : kernel_.body.front().ordinal);
  if (kernel_.routine) {
    routine_body();
  } else {
    read_arguments();
    read_scratch();
    configure_tiles();
    tasks();
    release_tiles();
    settle_streams();
  }
  b_.CreateRetVoid();
  end_description();
  return function_;
}

void Emitter::read_arguments() {
  llvm::Type* pointer = b_.getPtrTy();
  llvm::MDNode* nothing = llvm::MDNode::get(context_, {});
  const auto field = [&](llvm::Type* type, llvm::Value* base, std::size_t offset, const std::string& name) {
    llvm::LoadInst* load =
        b_.CreateAlignedLoad(type, offset == 0 ? base : b_.CreateConstGEP1_64(b_.getInt8Ty(), base, offset), llvm::Align(8), name);
    load->setMetadata(llvm::LLVMContext::MD_invariant_load, nothing);
    return load;
  };
  llvm::Value* block = function_->getArg(0);
  const std::size_t globals = static_cast<std::size_t>(std::count_if(
      kernel_.buffers.begin(), kernel_.buffers.end(), [](const Buffer& b) { return b.space == Space::global; }));
  buffers_.resize(kernel_.buffers.size());
  if (globals > 0) {
    llvm::Value* table = field(pointer, block, offsetof(HostArguments, buffers), "buffers");
    for (std::size_t i = 0; i < globals; ++i) {
      if (kernel_.buffers[i].space != Space::global)
        throw InternalError("the global buffers of a kernel do not come first");
      buffers_[i] = field(pointer, table, i * sizeof(void*), fmt::format("b{}", i));
    }
  }
  if (!kernel_.arguments.empty()) {
    llvm::Value* table = field(pointer, block, offsetof(HostArguments, arguments), "arguments");
    for (std::size_t i = 0; i < kernel_.arguments.size(); ++i) {
      const DType dtype = kernel_.arguments[i];
      arguments_.push_back(
          from_memory(field(stored(dtype), table, i * sizeof(std::uint64_t), fmt::format("s{}", i)), dtype));
    }
  }
  scratch_ = field(pointer, block, offsetof(HostArguments, scratch), "scratch");
  error_ = field(pointer, block, offsetof(HostArguments, error), "error");
}

// Buffers one after the other in the worker's arena, each from a multiple of 64 bytes: as `scratch_bytes` counts them.
void Emitter::read_scratch() {
  llvm::Value* used = b_.getInt64(0);
  for (BufferId id = 0; id < kernel_.buffers.size(); ++id) {
    const Buffer& buffer = kernel_.buffers[id];
    if (buffer.space == Space::global) continue;
    if (buffer.space == Space::shared) throw InternalError("a kernel for the host has shared memory");
    buffers_[id] = b_.CreateGEP(b_.getInt8Ty(), scratch_, used);
    llvm::Value* bytes = b_.CreateMul(value(buffer.elements), b_.getInt64(size_of(buffer.dtype)));
    used = b_.CreateAdd(used, b_.CreateAnd(b_.CreateAdd(bytes, b_.getInt64(63)), b_.getInt64(~std::uint64_t{63})));
  }
}

void Emitter::tasks() {
  llvm::Value *begin = function_->getArg(1), *end = function_->getArg(2);
  const std::size_t dimensions = kernel_.grid.size();
  std::vector<llvm::Value*> extents, first(dimensions);
  for (ExprId extent : kernel_.grid_extents) extents.push_back(value(extent));
  if (extents.size() != dimensions)
    throw InternalError(fmt::format("a kernel has {} grid variables and {} extents", dimensions, extents.size()));

  llvm::BasicBlock *guard = b_.GetInsertBlock(), *start = new_block("start"), *task = new_block("task"),
                   *exit = new_block("return");
  b_.CreateCondBr(b_.CreateICmpSLT(begin, end), start, exit);
  regions_.back().hoist = guard;
  b_.SetInsertPoint(start);
  llvm::Value* rest = begin;  // the multi-index is divided out once, and counted up from there
  std::size_t slowest = 0;    // of those that count at all
  while (slowest + 1 < dimensions && constant(kernel_.grid_extents[slowest]) == 1) ++slowest;
  for (std::size_t d = dimensions; d-- > slowest;) {
    first[d] = d == slowest ? rest : b_.CreateURem(rest, extents[d]);
    if (d > slowest) rest = b_.CreateUDiv(rest, extents[d]);
  }
  b_.CreateBr(task);

  b_.SetInsertPoint(task);
  llvm::PHINode* number = b_.CreatePHI(b_.getInt64Ty(), 2, "task");
  number->addIncoming(begin, start);
  std::vector<llvm::PHINode*> position(dimensions);
  enter(false);
  for (std::size_t d = 0; d < dimensions; ++d) {
    const VarId v = kernel_.grid[d];
    variable_depth_.at(v) = depth_;
    counted_[v] = {0, range(kernel_.grid_extents[d]).most - 1};
    if (d < slowest) {
      variables_[v] = b_.getInt64(0);
    } else if (slowest + 1 == dimensions) {
      variables_[v] = number;
    } else {
      variables_[v] = position[d] = b_.CreatePHI(b_.getInt64Ty(), 2, fmt::format("g{}", d));
      position[d]->addIncoming(first[d], start);
    }
  }
  block(kernel_.body);

  at(kernel_.body.empty() ? Ordinal{0} : kernel_.body.front().ordinal);
  llvm::Value* next = b_.CreateNSWAdd(number, b_.getInt64(1));
  std::vector<llvm::Value*> after(position.size());
  llvm::Value* carry = nullptr;
  for (std::size_t d = dimensions; d-- > slowest && position[d];) {
    llvm::Value* one = b_.CreateNSWAdd(position[d], b_.getInt64(1));
    after[d] = carry ? b_.CreateSelect(carry, one, position[d]) : one;
    if (d == slowest) break;
    carry = b_.CreateICmpEQ(after[d], extents[d]);
    after[d] = b_.CreateSelect(carry, b_.getInt64(0), after[d]);
  }
  llvm::BasicBlock* latch = b_.GetInsertBlock();
  b_.CreateCondBr(b_.CreateICmpSLT(next, end), task, exit);
  number->addIncoming(next, latch);
  for (std::size_t d = 0; d < dimensions; ++d)
    if (position[d]) position[d]->addIncoming(after[d], latch);
  leave();
  regions_.back().hoist = nullptr;
  b_.SetInsertPoint(exit);
}

void Emitter::describe(const std::string& name) {
  debug_ = std::make_unique<llvm::DIBuilder>(module_);
  llvm::DIFile* file = debug_->createFile(name, "");
  debug_->createCompileUnit(llvm::dwarf::DW_LANG_C99, file, "uwaga", true, "", 0, "",
                            llvm::DICompileUnit::LineTablesOnly);
  llvm::DISubroutineType* type = debug_->createSubroutineType(debug_->getOrCreateTypeArray({}));
  subprogram_ = debug_->createFunction(file, name, name, file, 1, type, 1, llvm::DINode::FlagZero,
                                       llvm::DISubprogram::SPFlagDefinition | llvm::DISubprogram::SPFlagOptimized);
  function_->setSubprogram(subprogram_);
  if (!module_.getModuleFlag("Debug Info Version")) {
    module_.addModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
    module_.addModuleFlag(llvm::Module::Warning, "Dwarf Version", 5);
  }
}

llvm::DebugLoc Emitter::location(Ordinal ordinal) {
  if (ordinal >= options_.lines.size())
    return llvm::DILocation::get(context_, options_.lines.empty() ? ordinal + 1u : 0u, 0, subprogram_);
  const SourceLine& line = options_.lines[ordinal];
  const auto cut = line.file.find_last_of('/');
  llvm::DIFile* file = debug_->createFile(cut == line.file.npos ? line.file : line.file.substr(cut + 1),
                                          cut == line.file.npos ? std::string() : line.file.substr(0, cut));
  return llvm::DILocation::get(context_, static_cast<unsigned>(line.line), 0,
                               debug_->createLexicalBlockFile(subprogram_, file));
}

void Emitter::end_description() {
  if (debug_) debug_->finalize();
}

}  // namespace uwaga::kernel
