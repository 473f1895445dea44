// Statements, and the values that mutable variables carry through them.
#include <fmt/format.h>

#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

llvm::BasicBlock* Emitter::new_block(const char* name) { return llvm::BasicBlock::Create(context_, name, function_); }

void Emitter::at(Ordinal ordinal) {
  if (!subprogram_) return;
  if (ordinal >= locations_.size()) locations_.resize(ordinal + std::size_t{1});
  if (!locations_[ordinal]) locations_[ordinal] = location(ordinal);
  b_.SetCurrentDebugLocation(locations_[ordinal]);
}

void Emitter::enter(bool arm) {
  regions_.push_back({++serials_, arm, nullptr, kNone, nullptr, nullptr, {}});
  depth_ = static_cast<std::uint32_t>(regions_.size() - 1);
}

void Emitter::leave() {
  regions_.pop_back();
  depth_ = static_cast<std::uint32_t>(regions_.size() - 1);
}

void Emitter::collect(const std::vector<Stmt>& statements, std::vector<bool>& variables,
                      std::vector<bool>& buffers) const {
  for (const Stmt& s : statements) {
    if (s.kind == StmtKind::assign) variables.at(s.var) = true;
    if (stores(s.kind)) buffers.at(s.buffer) = true;
    collect(s.body, variables, buffers);
    collect(s.otherwise, variables, buffers);
  }
}

Emitter::Changes Emitter::changes(const std::vector<Stmt>& statements) const {
  std::vector<bool> variables(kernel_.variables.size()), buffers(kernel_.buffers.size());
  collect(statements, variables, buffers);
  Changes result;
  for (VarId v = 0; v < variables.size(); ++v)
    if (variables[v] && variables_[v]) result.variables.push_back(v);
  for (BufferId b = 0; b < buffers.size(); ++b)
    if (buffers[b]) result.buffers.push_back(b);
  return result;
}

llvm::Value* Emitter::any(llvm::Value* condition) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(condition->getType());
  if (!vector) return condition;
  llvm::Type* word = llvm::Type::getIntNTy(context_, vector->getNumElements());
  return b_.CreateICmpNE(b_.CreateBitCast(condition, word), llvm::Constant::getNullValue(word));
}

void Emitter::block(const std::vector<Stmt>& statements) {
  for (const Stmt& s : statements) statement(s);
}

void Emitter::statement(const Stmt& s) {
  switch (s.kind) {
    case StmtKind::let: {
      const VType t = kernel_.exprs.at(s.value).type;
      // A mask that reads nothing that changes is only a name: it is made again in every block that uses it.
      if (t.dtype == DType::boolean && t.lanes > 1 && fixed(s.value)) {
        alias_[s.var] = s.value;
        return;
      }
      // An index that stays the same is computed where it is first used: addresses often look through it, and then it never is.
      if (!fixed(s.value) || t != VType{DType::i64, 1}) variables_[s.var] = value(s.value);
      variable_depth_[s.var] = depth_;
      let_[s.var] = s.value;
      return;
    }
    case StmtKind::declare:
    case StmtKind::assign: {
      const VType t = kernel_.variables.at(s.var).type;
      if (s.kind == StmtKind::assign && !variables_[s.var]) {
        throw InternalError(fmt::format("kernel variable {} is assigned before it is declared", s.var));
      }
      variables_[s.var] = splat(value(s.value), t.lanes);
      variable_depth_[s.var] = depth_;
      changed(s.var);
      return;
    }
    case StmtKind::store:
      return store(s);
    case StmtKind::loop:
      return loop(s);
    case StmtKind::branch:
      return branch(s);
    case StmtKind::routine:
      return call(s);
    case StmtKind::prefetch: {
      llvm::Value* p = pointer(s.buffer, s.index);
      at(s.ordinal);
      // To read, of data. A line is as near as the number is high.
      b_.CreateIntrinsic(llvm::Intrinsic::prefetch, {p->getType()}, {p, b_.getInt32(0), b_.getInt32(s.step == 1 ? 3 : 2), b_.getInt32(1)});
      return;
    }
    case StmtKind::fail:
      return fail(s);
    case StmtKind::tile_zero:
    case StmtKind::tile_load:
    case StmtKind::tile_dot:
    case StmtKind::tile_store:
      return tile(s);
    case StmtKind::barrier:
      throw InternalError("a kernel for the host has a barrier");
  }
}

void Emitter::loop(const Stmt& s) {
  const Range first = range(s.begin), last = range(s.end);
  if (first.least >= last.most) return;
  llvm::Value *begin = value(s.begin), *end = value(s.end);
  at(s.ordinal);
  const bool runs = first.most < last.least;
  Range& counter_range = counted_[s.var] = {first.least, last.most - 1};
  std::int64_t way = 0;
  if (first.least == first.most && !__builtin_sub_overflow(counter_range.most, first.least, &way)) counter_range.most -= way % s.step;
  if (runs && counter_range.most < first.least + s.step) {  // one turn
    variables_[s.var] = begin;
    variable_depth_[s.var] = depth_;
    return block(s.body);
  }
  const Changes inside = changes(s.body);
  llvm::BasicBlock *guard = b_.GetInsertBlock(), *body = new_block("loop"), *exit = new_block("after");
  if (runs) {
    b_.CreateBr(body);
  } else {
    b_.CreateCondBr(b_.CreateICmpSLT(begin, end), body, exit);
  }
  regions_.back().hoist = guard;
  b_.SetInsertPoint(body);
  llvm::PHINode* counter = b_.CreatePHI(begin->getType(), 2);
  counter->addIncoming(begin, guard);
  std::vector<llvm::Value*> before;
  std::vector<llvm::PHINode*> carried;
  for (VarId v : inside.variables) {
    before.push_back(variables_[v]);
    carried.push_back(b_.CreatePHI(variables_[v]->getType(), 2));
    carried.back()->addIncoming(variables_[v], guard);
    variables_[v] = carried.back();
    changed(v);
  }
  for (BufferId b : inside.buffers) changed(buffer_key(b));
  enter(false);
  regions_.back().counter = s.var;
  regions_.back().header = body;
  regions_.back().begin = begin;
  variables_[s.var] = counter;
  variable_depth_[s.var] = depth_;
  block(s.body);
  at(s.ordinal);
  llvm::Value* next = b_.CreateNSWAdd(counter, llvm::ConstantInt::getSigned(counter->getType(), s.step));
  llvm::BasicBlock* latch = b_.GetInsertBlock();
  for (const auto& [factor, multiple] : regions_.back().multiples)
    multiple->addIncoming(b_.CreateNSWAdd(multiple, b_.getInt64(static_cast<std::uint64_t>(factor * s.step))), latch);
  b_.CreateCondBr(b_.CreateICmpSLT(next, end), body, exit);
  counter->addIncoming(next, latch);
  for (std::size_t i = 0; i < carried.size(); ++i) carried[i]->addIncoming(variables_[inside.variables[i]], latch);
  leave();
  regions_.back().hoist = nullptr;
  b_.SetInsertPoint(exit);
  for (std::size_t i = 0; i < carried.size(); ++i) {
    const VarId v = inside.variables[i];
    if (!runs) {
      llvm::PHINode* after = b_.CreatePHI(before[i]->getType(), 2);
      after->addIncoming(before[i], guard);
      after->addIncoming(variables_[v], latch);
      variables_[v] = after;
    }
    changed(v);
  }
  for (BufferId b : inside.buffers) changed(buffer_key(b));
}

void Emitter::branch(const Stmt& s) {
  llvm::Value* condition = value(s.condition);
  at(s.ordinal);
  if (const auto* known = llvm::dyn_cast<llvm::ConstantInt>(condition))
    return block(known->isOne() ? s.body : s.otherwise);
  Changes inside = changes(s.body);
  const Changes other = changes(s.otherwise);
  for (VarId v : other.variables)
    if (std::find(inside.variables.begin(), inside.variables.end(), v) == inside.variables.end())
      inside.variables.push_back(v);
  inside.buffers.insert(inside.buffers.end(), other.buffers.begin(), other.buffers.end());
  const auto touch = [&] {
    for (VarId v : inside.variables) changed(v);
    for (BufferId b : inside.buffers) changed(buffer_key(b));
  };
  const std::vector<llvm::Value*> before = variables_;
  llvm::BasicBlock *then = new_block("then"), *exit = new_block("after");
  llvm::BasicBlock* otherwise = s.otherwise.empty() ? exit : new_block("else");
  llvm::BasicBlock* fork = b_.GetInsertBlock();
  b_.CreateCondBr(condition, then, otherwise);
  const auto arm = [&](llvm::BasicBlock* start, const std::vector<Stmt>& body) {
    b_.SetInsertPoint(start);
    enter(true);
    block(body);
    leave();
    at(s.ordinal);
    llvm::BasicBlock* last = b_.GetInsertBlock();
    b_.CreateBr(exit);
    return last;
  };
  llvm::BasicBlock* then_end = arm(then, s.body);
  const std::vector<llvm::Value*> after_then = variables_;
  for (VarId v : inside.variables) variables_[v] = before[v];
  touch();
  llvm::BasicBlock* else_end = s.otherwise.empty() ? fork : arm(otherwise, s.otherwise);
  b_.SetInsertPoint(exit);
  for (VarId v : inside.variables) {
    if (after_then[v] == variables_[v]) continue;
    llvm::PHINode* joined = b_.CreatePHI(before[v]->getType(), 2);
    joined->addIncoming(after_then[v], then_end);
    joined->addIncoming(variables_[v], else_end);
    variables_[v] = joined;
  }
  touch();
}

// The error word keeps the smallest failure (the lowest index, then the lowest ordinal), whatever the order of threads:
// every task runs to its end, and replaces what is 0 or larger.
void Emitter::fail(const Stmt& s) {
  llvm::Value* condition = value(s.condition);
  llvm::Value* index = value(s.value);
  at(s.ordinal);
  if (const auto* known = llvm::dyn_cast<llvm::Constant>(condition); known && known->isZeroValue()) return;
  llvm::BasicBlock *cold = new_block("fail"), *retry = new_block("retry"), *replace = new_block("replace"),
                   *exit = new_block("after");
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(condition->getType());
  b_.CreateCondBr(any(condition), cold, exit, llvm::MDBuilder(context_).createUnlikelyBranchWeights());
  b_.SetInsertPoint(cold);
  if (vector && index->getType()->isVectorTy()) {  // the first lane that fails
    llvm::Type* word = llvm::Type::getIntNTy(context_, vector->getNumElements());
    llvm::Value* lane =
        b_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, b_.CreateBitCast(condition, word), b_.getTrue());
    index = b_.CreateExtractElement(index, lane);
  } else if (index->getType()->isVectorTy()) {
    index = b_.CreateExtractElement(index, std::uint64_t{0});
  }
  llvm::Value* failure = b_.CreateOr(b_.CreateShl(index, 16), b_.getInt64(s.ordinal + 1u));
  llvm::LoadInst* seen = b_.CreateAlignedLoad(b_.getInt64Ty(), error_, llvm::Align(8));
  seen->setAtomic(llvm::AtomicOrdering::Monotonic);
  b_.CreateBr(retry);
  b_.SetInsertPoint(retry);
  llvm::PHINode* old = b_.CreatePHI(b_.getInt64Ty(), 2);
  old->addIncoming(seen, cold);
  llvm::Value* smaller = b_.CreateICmpULT(failure, old);
  b_.CreateCondBr(b_.CreateOr(b_.CreateICmpEQ(old, b_.getInt64(0)), smaller), replace, exit);
  b_.SetInsertPoint(replace);
  llvm::Value* exchange = b_.CreateAtomicCmpXchg(error_, old, failure, llvm::MaybeAlign(8),
                                                 llvm::AtomicOrdering::Monotonic, llvm::AtomicOrdering::Monotonic);
  old->addIncoming(b_.CreateExtractValue(exchange, 0), replace);
  b_.CreateCondBr(b_.CreateExtractValue(exchange, 1), exit, retry);
  b_.SetInsertPoint(exit);
}

}  // namespace uwaga::kernel
