// Loads and stores.
//
// Indices next to each other become vector accesses, with a mask where one is given and the target has masked accesses
// of that width. All else goes lane by lane without branches: a lane that is switched off reads the argument block and
// writes a slot of its own on the stack.
#include <fmt/format.h>

#include <algorithm>

#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/ir/error.h>

#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/TargetParser/Triple.h>

namespace uwaga::kernel {

std::optional<std::int64_t> Emitter::constant(ExprId id) {
  const Expr& e = kernel_.exprs[id];
  if (e.kind == ExprKind::integer) return e.integer;
  if (e.kind == ExprKind::splat) return constant(e.args[0]);
  const Range r = range(id);
  return r.least == r.most ? std::optional(r.least) : std::nullopt;
}

std::optional<Emitter::Row> Emitter::as_row(ExprId index) {
  const Expr& e = kernel_.exprs[index];
  if (e.kind == ExprKind::ramp) {
    const auto stride = e.args.size() > 1 ? constant(e.args[1]) : std::optional<std::int64_t>(1);
    if (!stride) return std::nullopt;
    return Row{e.args[0], {}, 0, *stride};
  }
  if (e.kind != ExprKind::arithmetic || (e.op != Op::add && e.op != Op::sub)) return std::nullopt;
  for (int side = 0; side < (e.op == Op::add ? 2 : 1); ++side) {
    auto row = as_row(e.args[static_cast<std::size_t>(side)]);
    if (!row) continue;
    const ExprId other = e.args[static_cast<std::size_t>(1 - side)];
    if (const auto number = constant(other)) {
      row->offset += e.op == Op::add ? *number : -*number;
      return row;
    }
    if (e.op == Op::add && kernel_.exprs[other].kind == ExprKind::splat) {
      row->extra.push_back(kernel_.exprs[other].args[0]);
      return row;
    }
  }
  return std::nullopt;
}

// A let is looked through where it was made in this turn of the loop, from what cannot have changed since.
void Emitter::add(Affine& sum, ExprId id, std::int64_t factor) {
  const Expr& e = kernel_.exprs[id];
  if (const auto number = constant(id)) {
    sum.offset += factor * *number;
    return;
  }
  if (fixed(id)) {
    if (e.kind == ExprKind::variable && e.index == regions_[depth_].counter) {
      sum.turns += factor;
      return;
    }
    if (e.kind == ExprKind::variable && home(id) == depth_ && let_[e.index] != kNone && fixed(let_[e.index]))
      return add(sum, let_[e.index], factor);
    if (e.kind == ExprKind::arithmetic && (e.op == Op::add || e.op == Op::sub)) {
      add(sum, e.args[0], factor);
      return add(sum, e.args[1], e.op == Op::add ? factor : -factor);
    }
    if (e.kind == ExprKind::arithmetic && e.op == Op::mul)
      for (std::size_t side = 0; side < 2; ++side)
        if (const auto number = constant(e.args[1 - side])) return add(sum, e.args[side], factor * *number);
  }
  for (auto& [term, times] : sum.terms)
    if (term == id) {
      times += factor;
      return;
    }
  sum.terms.emplace_back(id, factor);
}

// The pointer of the terms, each added in the region it belongs to.
llvm::Value* Emitter::sum_of_terms(BufferId buffer, Terms terms) {
  std::erase_if(terms, [](const auto& t) { return t.second == 0; });
  const auto region = [&](ExprId id) { return fixed(id) ? std::min(std::max(home(id), floor_depth()), depth_) : depth_; };
  std::sort(terms.begin(), terms.end(), [&](const auto& x, const auto& y) {
    return std::pair(region(x.first), x.first) < std::pair(region(y.first), y.first);
  });
  llvm::Value* base = buffers_[buffer];
  for (std::size_t i = 0, end = 0; i < terms.size(); i = end) {
    const std::uint32_t depth = region(terms[i].first);
    bool keeps = true;
    for (; end < terms.size() && region(terms[end].first) == depth; ++end) keeps = keeps && fixed(terms[end].first);
    const auto add_up = [&] {
      llvm::Value* sum = nullptr;
      for (std::size_t k = i; k < end; ++k) {
        llvm::Value* term = product(terms[k].first, terms[k].second);
        sum = sum ? b_.CreateAdd(sum, term) : term;
      }
      return b_.CreateGEP(stored(kernel_.buffers[buffer].dtype), base, sum);
    };
    if (!keeps) {
      base = add_up();
      continue;
    }
    Cached& slot = pointers_[{buffer, {terms.begin(), terms.begin() + static_cast<std::ptrdiff_t>(end)}}];
    if (!slot.value || !open(slot)) {
      llvm::Value* made = in_region(depth, add_up);
      slot = {made, depth, regions_[depth].serial, epoch_, nullptr};
    }
    base = slot.value;
  }
  return base;
}

// A term of several buffers' indices is multiplied once.
llvm::Value* Emitter::product(ExprId id, std::int64_t factor) {
  if (factor == 1) return value(id);
  const auto make = [&] { return b_.CreateMul(value(id), b_.getInt64(static_cast<std::uint64_t>(factor))); };
  if (!fixed(id)) return make();
  Cached& slot = products_[{id, factor}];
  if (!slot.value || !open(slot)) slot = {make(), depth_, regions_[depth_].serial, epoch_, nullptr};
  return slot.value;
}

llvm::Value* Emitter::multiple(std::int64_t factor) {
  Region& loop = regions_[depth_];
  if (factor == 1) return variables_[loop.counter];
  llvm::PHINode*& phi = loop.multiples[factor];
  if (!phi) {
    const Builder::InsertPointGuard guard(b_);
    llvm::Value* times = b_.getInt64(static_cast<std::uint64_t>(factor));
    llvm::BasicBlock* before = regions_[depth_ - 1].hoist;
    b_.SetInsertPoint(before->getTerminator());
    llvm::Value* first = b_.CreateMul(loop.begin, times);
    b_.SetInsertPoint(loop.header, loop.header->begin());
    phi = b_.CreatePHI(first->getType(), 2);
    phi->addIncoming(first, before);
  }
  return phi;
}

llvm::Value* Emitter::pointer(BufferId buffer, ExprId index) { return pointer(buffer, std::span(&index, 1), 0); }

llvm::Value* Emitter::pointer(BufferId buffer, const Row& row) {
  std::vector<ExprId> summands = row.extra;
  summands.insert(summands.begin(), row.base);
  return pointer(buffer, summands, row.offset);
}

llvm::Value* Emitter::pointer(BufferId buffer, std::span<const ExprId> summands, std::int64_t offset) {
  llvm::Type* element = stored(kernel_.buffers[buffer].dtype);
  Affine a;
  a.offset = offset;
  for (ExprId id : summands) add(a, id, 1);
  llvm::Value* p = sum_of_terms(buffer, std::move(a.terms));
  if (a.turns != 0) {
    llvm::Value*& there = turned_[{b_.GetInsertBlock(), p, a.turns}];
    if (!there) there = b_.CreateGEP(element, p, multiple(a.turns));
    p = there;
  }
  if (a.offset == 0) return p;
  llvm::Value*& there = shifted_[{b_.GetInsertBlock(), p, a.offset}];
  if (!there) there = b_.CreateGEP(element, p, b_.getInt64(static_cast<std::uint64_t>(a.offset)));
  return there;
}

std::vector<llvm::Value*> Emitter::lane_pointers(BufferId buffer, ExprId index, int lanes) {
  llvm::Type* element = stored(kernel_.buffers[buffer].dtype);
  std::vector<llvm::Value*> pointers;
  if (const auto row = as_row(index)) {
    llvm::Value* first = pointer(buffer, *row);
    for (int i = 0; i < lanes; ++i) {
      const std::int64_t step = i * row->stride;
      pointers.push_back(
          step ? b_.CreateGEP(element, first, llvm::ConstantInt::getSigned(llvm::Type::getInt64Ty(context_), step))
               : first);
    }
    return pointers;
  }
  llvm::Value* indices = value(index);
  for (int i = 0; i < lanes; ++i) {
    llvm::Value* lane =
        indices->getType()->isVectorTy() ? b_.CreateExtractElement(indices, static_cast<std::uint64_t>(i)) : indices;
    pointers.push_back(b_.CreateGEP(element, buffers_[buffer], lane));
  }
  return pointers;
}

// What no kernel statement writes may be read at any time.
llvm::Value* Emitter::mark(llvm::LoadInst* load, BufferId buffer) {
  if (!written_[buffer]) load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
  return load;
}

llvm::Value* Emitter::from_memory(llvm::Value* x, DType dtype) {
  return dtype == DType::boolean ? b_.CreateICmpNE(x, llvm::Constant::getNullValue(x->getType())) : x;
}

llvm::Value* Emitter::to_memory(llvm::Value* x, DType dtype) {
  if (dtype != DType::boolean) return x;
  return b_.CreateZExt(x, x->getType()->getWithNewBitWidth(8));
}

llvm::Value* Emitter::dump() {
  if (!dump_) {
    const Builder::InsertPointGuard guard(b_);
    llvm::BasicBlock& entry = function_->getEntryBlock();
    b_.SetInsertPoint(&entry, entry.begin());
    dump_ = b_.CreateAlloca(llvm::Type::getInt64Ty(context_));
  }
  return dump_;
}

llvm::Value* Emitter::turned(const Row& row, llvm::Value* lanes) { return row.stride == -1 ? b_.CreateVectorReverse(lanes) : lanes; }

llvm::Value* Emitter::load_lanes(const Expr& e, llvm::Value* mask) {
  const DType dtype = kernel_.buffers[e.index].dtype;
  llvm::Type* element = stored(dtype);
  const llvm::Align align(size_of(dtype));
  llvm::Value* nothing = llvm::Constant::getNullValue(element);
  llvm::Value* result = llvm::PoisonValue::get(lanes_of(element, e.type.lanes));
  const auto pointers = lane_pointers(e.index, e.args[0], e.type.lanes);
  at(e.ordinal);
  for (int i = 0; i < e.type.lanes; ++i) {
    llvm::Value* p = pointers[static_cast<std::size_t>(i)];
    llvm::Value* on = !mask                           ? nullptr
                      : mask->getType()->isVectorTy() ? b_.CreateExtractElement(mask, static_cast<std::uint64_t>(i))
                                                      : mask;
    if (on) p = b_.CreateSelect(on, p, function_->getArg(0));
    llvm::Value* x = mark(b_.CreateAlignedLoad(element, p, align), e.index);
    if (on) x = b_.CreateSelect(on, x, nothing);
    if (e.type.lanes == 1) return x;
    result = b_.CreateInsertElement(result, x, static_cast<std::uint64_t>(i));
  }
  return result;
}

llvm::Value* Emitter::load(const Expr& e) {
  const DType dtype = kernel_.buffers.at(e.index).dtype;
  llvm::Type* element = stored(dtype);
  const llvm::Align align(size_of(dtype));
  llvm::Value* mask = e.args.size() > 1 ? value(e.args[1]) : nullptr;
  if (auto* known = llvm::dyn_cast_or_null<llvm::Constant>(mask); known && known->isAllOnesValue()) mask = nullptr;
  if (e.type.lanes == 1) {
    if (mask) return from_memory(load_lanes(e, mask), dtype);
    llvm::Value* p = pointer(e.index, e.args[0]);
    at(e.ordinal);
    return from_memory(mark(b_.CreateAlignedLoad(element, p, align), e.index), dtype);
  }
  auto* vector = llvm::cast<llvm::FixedVectorType>(lanes_of(element, e.type.lanes));
  const Expr& index = kernel_.exprs[e.args[0]];
  if (!mask && (index.kind == ExprKind::splat || index.type.lanes == 1)) {
    llvm::Value* p = pointer(e.index, index.kind == ExprKind::splat ? index.args[0] : e.args[0]);
    at(e.ordinal);
    return from_memory(splat(mark(b_.CreateAlignedLoad(element, p, align), e.index), e.type.lanes), dtype);
  }
  const auto row = as_row(e.args[0]);
  if (row && row->is_line() && (!mask || target_->isLegalMaskedLoad(vector, align))) {
    llvm::Value* p = pointer(e.index, row->forwards(e.type.lanes));
    if (mask) mask = turned(*row, splat(mask, e.type.lanes));
    at(e.ordinal);
    llvm::Value* line = mask ? b_.CreateMaskedLoad(vector, p, align, mask, llvm::Constant::getNullValue(vector))
                             : static_cast<llvm::Value*>(mark(b_.CreateAlignedLoad(vector, p, align), e.index));
    return from_memory(turned(*row, line), dtype);
  }
  if (!row && target_->isLegalMaskedGather(vector, align) && !target_->forceScalarizeMaskedGather(vector, align)) {
    llvm::Value* indices = value(e.args[0]);
    if (mask) mask = splat(mask, e.type.lanes);
    at(e.ordinal);
    llvm::Value* pointers = b_.CreateGEP(element, buffers_[e.index], indices);
    return from_memory(b_.CreateMaskedGather(vector, pointers, align, mask, llvm::Constant::getNullValue(vector)),
                       dtype);
  }
  return from_memory(load_lanes(e, mask), dtype);
}

void Emitter::store_lanes(const Stmt& s, llvm::Value* x, llvm::Value* mask, int lanes) {
  const llvm::Align align(size_of(kernel_.buffers[s.buffer].dtype));
  const auto pointers = lane_pointers(s.buffer, s.index, lanes);
  at(s.ordinal);
  for (int i = 0; i < lanes; ++i) {
    const auto lane = static_cast<std::uint64_t>(i);
    llvm::Value* p = pointers[lane];
    llvm::Value* on = !mask ? nullptr : mask->getType()->isVectorTy() ? b_.CreateExtractElement(mask, lane) : mask;
    if (on) p = b_.CreateSelect(on, p, dump());
    b_.CreateAlignedStore(x->getType()->isVectorTy() ? b_.CreateExtractElement(x, lane) : x, p, align);
  }
}

// Where such stores wait in buffers of their own, which the next thread's first read would not see.
void Emitter::settle_streams() {
  if (streamed_ && llvm::Triple(module_.getTargetTriple()).isX86()) b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {}, {});
}

void Emitter::store(const Stmt& s) {
  const DType dtype = kernel_.buffers.at(s.buffer).dtype;
  const int lanes = kernel_.exprs[s.index].type.lanes;
  const llvm::Align align(size_of(dtype));
  llvm::Value* x = splat(value(s.value), lanes);
  llvm::Value* mask = s.condition != kNone ? value(s.condition) : nullptr;
  if (auto* known = llvm::dyn_cast_or_null<llvm::Constant>(mask); known && known->isAllOnesValue()) mask = nullptr;
  at(s.ordinal);
  x = to_memory(x, dtype);
  const auto row = lanes > 1 ? as_row(s.index) : std::nullopt;
  if (lanes == 1 && !mask) {
    llvm::Value* p = pointer(s.buffer, s.index);
    at(s.ordinal);
    b_.CreateAlignedStore(x, p, align);
  } else if (row && row->is_line() && (!mask || target_->isLegalMaskedStore(x->getType(), align))) {
    llvm::Value* p = pointer(s.buffer, row->forwards(lanes));
    at(s.ordinal);
    x = turned(*row, x);
    if (mask) {
      b_.CreateMaskedStore(x, p, align, turned(*row, splat(mask, lanes)));
    } else if (s.streams) {
      const std::uint64_t bytes = static_cast<std::uint64_t>(lanes) * size_of(dtype);
      llvm::StoreInst* past = b_.CreateAlignedStore(x, p, llvm::Align(std::min<std::uint64_t>(bytes, 64)));
      past->setMetadata(llvm::LLVMContext::MD_nontemporal, llvm::MDNode::get(context_, llvm::ConstantAsMetadata::get(b_.getInt32(1))));
      streamed_ = true;
    } else {
      b_.CreateAlignedStore(x, p, align);
    }
  } else if (lanes > 1 && !row && target_->isLegalMaskedScatter(x->getType(), align) &&
             !target_->forceScalarizeMaskedScatter(llvm::cast<llvm::VectorType>(x->getType()), align)) {
    llvm::Value* indices = value(s.index);
    at(s.ordinal);
    llvm::Value* pointers = b_.CreateGEP(stored(dtype), buffers_[s.buffer], indices);
    b_.CreateMaskedScatter(x, pointers, align, mask ? splat(mask, lanes) : nullptr);
  } else {
    store_lanes(s, x, mask, lanes);
  }
  changed(buffer_key(s.buffer));
}

}  // namespace uwaga::kernel
