// Where an expression is computed, and how long its value serves.
#include <fmt/format.h>

#include <algorithm>

#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

void Emitter::study() {
  std::vector<bool> declared(kernel_.variables.size());
  mutable_.assign(kernel_.variables.size(), false);
  written_.assign(kernel_.buffers.size(), false);
  collect(kernel_.body, mutable_, written_);
  last_changed_.assign(kernel_.variables.size() + kernel_.buffers.size(), 0);
  const std::size_t n = kernel_.exprs.size();
  reads_.resize(n);
  loads_.resize(n);
  home_.assign(n, -1);
  values_.resize(n);
  ranges_.resize(n);
  counted_.resize(kernel_.variables.size());
  for (ExprId id = 0; id < n; ++id) {
    const Expr& e = kernel_.exprs[id];
    auto& reads = reads_[id];
    loads_[id] = reads_memory(e.kind);
    if (e.kind == ExprKind::variable && mutable_.at(e.index)) reads.push_back(e.index);
    if (loads_[id] && written_.at(e.index)) reads.push_back(buffer_key(e.index));
    for (ExprId arg : e.args) {
      if (arg >= id)
        throw InternalError(fmt::format("kernel expression {} reads expression {}, which comes after it", id, arg));
      reads.insert(reads.end(), reads_[arg].begin(), reads_[arg].end());
      loads_[id] = loads_[id] || loads_[arg];
    }
    std::sort(reads.begin(), reads.end());
    reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
  }
}

std::uint32_t Emitter::floor_depth() const {
  for (std::size_t i = regions_.size(); i-- > 0;)
    if (regions_[i].arm) return static_cast<std::uint32_t>(i);
  return 0;
}

std::uint32_t Emitter::home(ExprId id) {
  if (home_[id] >= 0) return static_cast<std::uint32_t>(home_[id]);
  const Expr& e = kernel_.exprs[id];
  std::uint32_t depth = 0;
  if (e.kind == ExprKind::variable) {
    depth = alias_[e.index] != kNone ? home(alias_[e.index]) : variable_depth_[e.index];
  }
  for (ExprId arg : e.args) depth = std::max(depth, home(arg));
  home_[id] = static_cast<std::int32_t>(depth);
  return depth;
}

bool Emitter::valid(const Cached& c, ExprId id) const {
  if (!c.value) return false;
  if (llvm::isa<llvm::Constant>(c.value)) return true;
  if (!open(c)) return false;
  if (c.block && c.block != b_.GetInsertBlock()) return false;
  for (std::uint32_t read : reads_[id])
    if (last_changed_[read] > c.epoch) return false;
  return true;
}

llvm::Value* Emitter::value(ExprId id) {
  if (id >= kernel_.exprs.size())
    throw InternalError(fmt::format("a kernel statement reads expression {} of {}", id, kernel_.exprs.size()));
  const Expr& e = kernel_.exprs[id];
  switch (e.kind) {  // what costs nothing needs no place
    case ExprKind::integer:
      return integer(e.integer, e.type);
    case ExprKind::real:
      return real(e.real, e.type);
    case ExprKind::argument:
      return arguments_.at(e.index);
    case ExprKind::variable: {
      if (alias_.at(e.index) != kNone) return value(alias_[e.index]);
      if (llvm::Value* v = variables_[e.index]) return v;
      if (let_[e.index] != kNone) return value(let_[e.index]);
      throw InternalError(fmt::format("kernel variable {} is read before it has a value", e.index));
    }
    default: {
      if (const Range r = range(id); r.least == r.most) return integer(r.least, e.type);
      return place(values_[id], id, [&] { return build(e, id); });
    }
  }
}

std::optional<ExprId> Emitter::widened_bf16(ExprId id) const {
  const Expr& e = kernel_.exprs[id];
  if (e.kind != ExprKind::arithmetic || e.op != Op::cast || e.type.dtype != DType::f32) return std::nullopt;
  return kernel_.exprs[e.args[0]].type.dtype == DType::bf16 ? std::optional(e.args[0]) : std::nullopt;
}

std::optional<ExprId> Emitter::bits_of_bf16(const Expr& e) {
  if (e.kind != ExprKind::shift_right || constant(e.args[1]) != 16) return std::nullopt;
  const Expr& word = kernel_.exprs[e.args[0]];
  return word.kind == ExprKind::arithmetic && word.op == Op::bitcast ? widened_bf16(word.args[0]) : std::nullopt;
}

llvm::Value* Emitter::build(const Expr& e, ExprId id) {
  const auto argument = [&](std::size_t i) { return value(e.args[i]); };
  const auto wide = [&](std::size_t i) { return splat(value(e.args[i]), e.type.lanes); };
  switch (e.kind) {
    case ExprKind::arithmetic:
      return arithmetic(e, id);
    case ExprKind::fma: {
      llvm::Value *a = wide(0), *b = wide(1), *c = wide(2);
      at(e.ordinal);
      return b_.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()},
                                {from_memory_where_short(a), from_memory_where_short(b), from_memory_where_short(c)});
    }
    case ExprKind::load:
      return load(e);
    case ExprKind::load_pair: {
      llvm::Value* p = pointer(e.index, e.args[0]);
      at(e.ordinal);
      return mark(b_.CreateAlignedLoad(type(e.type), p, llvm::Align(size_of(DType::bf16))), e.index);
    }
    case ExprKind::pairs: {
      const auto low = widened_bf16(e.args[0]), high = widened_bf16(e.args[1]);
      llvm::Value *a = low && high ? value(*low) : argument(0), *b = low && high ? value(*high) : argument(1);
      at(e.ordinal);
      return low && high ? pairs_of_bf16(a, b, e.type.lanes, e.integer == 1) : pairs(a, b, e.type.lanes, e.integer == 1);
    }
    case ExprKind::dot_pairs: {
      llvm::Value *a = wide(0), *b = wide(1), *sum = wide(2);
      at(e.ordinal);
      return dot_pairs(a, b, sum, e.type.lanes);
    }
    case ExprKind::ramp: {
      const VType index{DType::i64, 1};
      llvm::Value* base = argument(0);
      const auto stride = e.args.size() > 1 ? constant(e.args[1]) : std::optional<std::int64_t>(1);
      llvm::Value* step = stride ? nullptr : argument(1);
      at(e.ordinal);
      std::vector<llvm::Constant*> lanes;
      for (int i = 0; i < e.type.lanes; ++i) lanes.push_back(integer(stride ? i * *stride : i, index));
      llvm::Value* offsets = llvm::ConstantVector::get(lanes);
      if (step) offsets = b_.CreateMul(splat(step, e.type.lanes), offsets);
      return b_.CreateAdd(splat(base, e.type.lanes), offsets);
    }
    case ExprKind::splat: {
      llvm::Value* x = argument(0);
      at(e.ordinal);
      return splat(x, e.type.lanes);
    }
    case ExprKind::lanes: {
      llvm::Value* x = argument(0);
      at(e.ordinal);
      if (!x->getType()->isVectorTy()) return x;
      if (e.type.lanes == 1) return b_.CreateExtractElement(x, static_cast<std::uint64_t>(e.integer));
      std::vector<int> which;
      for (int i = 0; i < e.type.lanes; ++i) which.push_back(static_cast<int>(e.integer) + i);
      return b_.CreateShuffleVector(x, which);
    }
    case ExprKind::concat: {
      llvm::Value *a = argument(0), *b = argument(1);
      at(e.ordinal);
      if (!a->getType()->isVectorTy()) {
        llvm::Value* pair = b_.CreateInsertElement(llvm::PoisonValue::get(type(e.type)), a, std::uint64_t{0});
        return b_.CreateInsertElement(pair, b, std::uint64_t{1});
      }
      std::vector<int> which;
      for (int i = 0; i < e.type.lanes; ++i) which.push_back(i);
      return b_.CreateShuffleVector(a, b, which);
    }
    case ExprKind::interleave: {
      llvm::Value *a = argument(0), *b = argument(1);
      at(e.ordinal);
      // A square is turned over by shuffles of shuffles of shuffles. LLVM looks through all of them in a block for one that does
      // the work of several, in vain: each level has a block of its own.
      const auto* inner = llvm::dyn_cast<llvm::ShuffleVectorInst>(a);
      if (inner && inner->getParent() == b_.GetInsertBlock()) {
        llvm::BasicBlock* level = new_block("level");
        b_.CreateBr(level);
        b_.SetInsertPoint(level);
      }
      std::vector<int> which;
      for (std::size_t l = 0; l < static_cast<std::size_t>(e.type.lanes); ++l) {
        const auto [operand, from] = interleaved(e, l);
        which.push_back(static_cast<int>(operand * static_cast<std::size_t>(e.type.lanes) + from));
      }
      return b_.CreateShuffleVector(a, b, which);
    }
    case ExprKind::bit_and:
    case ExprKind::bit_or:
    case ExprKind::bit_xor:
    case ExprKind::shift_left:
    case ExprKind::shift_right:
    case ExprKind::mul_high: {
      if (const auto narrow = bits_of_bf16(e)) {
        llvm::Value* bits = value(*narrow);
        at(e.ordinal);
        return b_.CreateZExt(bits, type(e.type));
      }
      llvm::Value *a = wide(0), *b = wide(1);
      at(e.ordinal);
      if (e.kind == ExprKind::bit_and) return b_.CreateAnd(a, b);
      if (e.kind == ExprKind::bit_or) return b_.CreateOr(a, b);
      if (e.kind == ExprKind::bit_xor) return b_.CreateXor(a, b);
      if (e.kind == ExprKind::shift_left) return b_.CreateShl(a, b);
      if (e.kind == ExprKind::shift_right) return b_.CreateLShr(a, b);
      const VType twice{DType::i64, e.type.lanes};
      llvm::Value* product = b_.CreateMul(b_.CreateZExt(a, type(twice)), b_.CreateZExt(b, type(twice)));
      return b_.CreateTrunc(b_.CreateLShr(product, integer(32, twice)), type(e.type));
    }
    case ExprKind::any: {
      llvm::Value* x = argument(0);
      at(e.ordinal);
      return any(x);
    }
    default:
      break;
  }
  throw InternalError("a kernel expression of an unknown kind reached the LLVM emitter");
}

}  // namespace uwaga::kernel
