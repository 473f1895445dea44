// The ops of the graph, lane by lane, as the contracts settle their corners.
#include <fmt/format.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <bit>

#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

llvm::Value* Emitter::unary(Op op, llvm::Value* x, VType t) {
  const bool real_type = is_float(t.dtype);
  switch (op) {
    case Op::neg:
      return real_type ? b_.CreateFNeg(x) : b_.CreateNeg(x);
    case Op::abs:
      if (real_type) return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
      if (t.dtype == DType::u8 || t.dtype == DType::boolean) return x;
      return b_.CreateIntrinsic(llvm::Intrinsic::abs, {x->getType()}, {x, b_.getFalse()});  // the least integer wraps
    case Op::sqrt:
      return b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x);
    case Op::floor:
      return real_type ? b_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, x) : x;
    case Op::logical_not:
      return b_.CreateNot(x);
    default:
      throw InternalError(
          fmt::format("the op {} reached the LLVM emitter, but should have been expanded before", name(op)));
  }
}

// Integer quotient rounded down, and the remainder that goes with it; by zero both are 0. The least integer by -1
// wraps.
llvm::Value* Emitter::floor_division(Op op, llvm::Value* a, llvm::Value* b, VType t) {
  const auto* known = llvm::dyn_cast<llvm::Constant>(b);
  if (known && t.lanes > 1) known = known->getSplatValue();
  const auto* number = llvm::dyn_cast_or_null<llvm::ConstantInt>(known);
  const std::int64_t divisor = !number                ? 0
                               : t.dtype == DType::u8 ? static_cast<std::int64_t>(number->getZExtValue())
                                                      : number->getSExtValue();
  if (t.dtype != DType::u8 && divisor > 0 && std::has_single_bit(static_cast<std::uint64_t>(divisor))) {
    if (op == Op::rem) return b_.CreateAnd(a, integer(divisor - 1, t));
    return b_.CreateAShr(a, integer(std::countr_zero(static_cast<std::uint64_t>(divisor)), t));
  }
  llvm::Value* zero = b_.CreateICmpEQ(b, integer(0, t));
  if (t.dtype == DType::u8) {
    llvm::Value* safe = b_.CreateSelect(zero, integer(1, t), b);
    llvm::Value* result = op == Op::rem ? b_.CreateURem(a, safe) : b_.CreateUDiv(a, safe);
    return b_.CreateSelect(zero, integer(0, t), result);
  }
  llvm::Value* safe = b;
  if (divisor <= 0) {  // a positive constant needs no guard
    const std::int64_t least = std::numeric_limits<std::int64_t>::min() >> (64 - 8 * size_of(t.dtype));
    llvm::Value* wraps = b_.CreateAnd(b_.CreateICmpEQ(a, integer(least, t)), b_.CreateICmpEQ(b, integer(-1, t)));
    safe = b_.CreateSelect(b_.CreateOr(zero, wraps), integer(1, t), b);
  }
  llvm::Value* quotient = b_.CreateSDiv(a, safe);
  llvm::Value* rest = b_.CreateSub(a, b_.CreateMul(quotient, safe));
  llvm::Value* inexact = b_.CreateICmpNE(rest, integer(0, t));
  llvm::Value* low = b_.CreateAnd(inexact, b_.CreateICmpSLT(b_.CreateXor(rest, safe), integer(0, t)));
  llvm::Value* result = op == Op::rem ? b_.CreateSelect(low, b_.CreateAdd(rest, safe), rest)
                                      : b_.CreateAdd(quotient, b_.CreateSExt(low, type(t)));
  return divisor > 0 ? result : b_.CreateSelect(zero, integer(0, t), result);
}

// Sizes are 0 at times, and a quotient may be made in front of a loop that then never runs.
llvm::Value* Emitter::index_division(Op op, llvm::Value* a, llvm::Value* b) {
  if (!llvm::isa<llvm::Constant>(b))
    b = b_.CreateBinaryIntrinsic(llvm::Intrinsic::umax, b, llvm::ConstantInt::get(b->getType(), 1));
  return op == Op::rem ? b_.CreateURem(a, b) : b_.CreateUDiv(a, b);
}

llvm::Value* Emitter::binary(Op op, llvm::Value* a, llvm::Value* b, VType t) {
  const bool real_type = is_float(t.dtype);
  const bool is_unsigned = t.dtype == DType::u8 || t.dtype == DType::boolean;
  switch (op) {
    case Op::add:
      return real_type ? b_.CreateFAdd(a, b) : b_.CreateAdd(a, b);
    case Op::sub:
      return real_type ? b_.CreateFSub(a, b) : b_.CreateSub(a, b);
    case Op::mul:
      return real_type ? b_.CreateFMul(a, b) : b_.CreateMul(a, b);
    case Op::div:
      return real_type ? b_.CreateFDiv(a, b) : floor_division(op, a, b, t);
    case Op::rem:
      if (!real_type) return floor_division(op, a, b, t);
      break;
    case Op::max:
    case Op::min: {
      if (!real_type) {
        const auto which = op == Op::max ? (is_unsigned ? llvm::Intrinsic::umax : llvm::Intrinsic::smax)
                                         : (is_unsigned ? llvm::Intrinsic::umin : llvm::Intrinsic::smin);
        return b_.CreateBinaryIntrinsic(which, a, b);
      }
      // a where neither is larger, as zeros are: the inner select is one instruction on x86. Then b, where b is NaN.
      llvm::Value* better = op == Op::max ? b_.CreateFCmpOLT(a, b) : b_.CreateFCmpOLT(b, a);
      llvm::Value* ordered = b_.CreateSelect(better, b, a);
      return b_.CreateSelect(b_.CreateFCmpUNO(b, b), b, ordered);
    }
    case Op::logical_and:
      return b_.CreateAnd(a, b);
    case Op::logical_or:
      return b_.CreateOr(a, b);
    case Op::eq:
      return real_type ? b_.CreateFCmpOEQ(a, b) : b_.CreateICmpEQ(a, b);
    case Op::lt:
      if (real_type) return b_.CreateFCmpOLT(a, b);
      return is_unsigned ? b_.CreateICmpULT(a, b) : b_.CreateICmpSLT(a, b);
    default:
      break;
  }
  throw InternalError(fmt::format("the op {} on {} reached the LLVM emitter, but should have been expanded before",
                                  name(op), name(t.dtype)));
}

// The mask of a tail, ramp(i) < n, compares 32-bit lanes: lane < clamp(n - i). Indices have 64 bits, and a vector of
// them takes twice the registers and a shuffle to become a mask of floats. The clamped number belongs to the region that
// knows it; only the comparison is made where the mask is used.
llvm::Value* Emitter::less_than(const Expr& e, ExprId id) {
  const auto& args = e.args;
  const auto row = as_row(args[0]);
  const Expr& bound = kernel_.exprs[args[1]];
  if (!row || row->stride != 1 || e.type.lanes == 1 || bound.kind != ExprKind::splat) return nullptr;
  Range left = range(bound.args[0]);
  const auto less = [&](Range x) {
    if (__builtin_sub_overflow(left.least, x.most, &left.least) || __builtin_sub_overflow(left.most, x.least, &left.most)) left = {};
  };
  if (row->base != kNone) less(range(row->base));
  for (ExprId extra : row->extra) less(range(extra));
  less({row->offset, row->offset});
  if (left.least >= e.type.lanes) return llvm::Constant::getAllOnesValue(type(e.type));
  llvm::Value* count = place(tails_[id], id, [&] {
    const VType index{DType::i64, 1};
    llvm::Value* left = value(bound.args[0]);
    std::vector<llvm::Value*> before;
    if (row->base != kNone) before.push_back(value(row->base));
    for (ExprId extra : row->extra) before.push_back(value(extra));
    at(e.ordinal);
    for (llvm::Value* x : before) left = b_.CreateSub(left, x);
    if (row->offset != 0) left = b_.CreateSub(left, integer(row->offset, index));
    left = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, left, integer(0, index));
    left = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, integer(e.type.lanes, index));
    return splat(b_.CreateTrunc(left, llvm::Type::getInt32Ty(context_)), e.type.lanes);
  });
  std::vector<llvm::Constant*> lanes;
  for (int i = 0; i < e.type.lanes; ++i) lanes.push_back(integer(i, {DType::i32, 1}));
  at(e.ordinal);
  return b_.CreateICmpSGT(count, llvm::ConstantVector::get(lanes));
}

// One instruction rounds both, a's lanes in front; to pair a's with b's, they are shuffled. It takes denormals for 0.
llvm::Value* Emitter::pairs(llvm::Value* a, llvm::Value* b, int lanes, bool neighbours) {
  if (!options_.bf16_dot || lanes != 16) {
    const VType single{DType::f32, lanes};
    const auto narrow = [&](llvm::Value* x) {
      llvm::Value* small = b_.CreateFCmpOLT(b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x), real(0x1p-126, single));
      return narrow_bf16(b_.CreateSelect(small, real(0, single), x), lanes);
    };
    llvm::Value* low = narrow(a);
    return pairs_of_bf16(low, narrow(b), lanes, neighbours);
  }
  llvm::Value* halves = b_.CreateIntrinsic(llvm::Intrinsic::x86_avx512bf16_cvtne2ps2bf16_512, {}, {b, a});
  if (!neighbours) {
    halves = b_.CreateBitCast(halves, llvm::FixedVectorType::get(b_.getInt16Ty(), static_cast<unsigned>(2 * lanes)));
    std::vector<int> which;
    for (int i = 0; i < lanes; ++i) which.insert(which.end(), {i, lanes + i});
    halves = b_.CreateShuffleVector(halves, which);
  }
  return b_.CreateBitCast(halves, type({DType::i32, lanes}));
}

// Of what is bf16 already there is nothing to round. Denormals stay what they are: dot_pairs takes them for 0.
llvm::Value* Emitter::pairs_of_bf16(llvm::Value* a, llvm::Value* b, int lanes, bool neighbours) {
  const VType word{DType::i32, lanes};
  if (!neighbours) return b_.CreateOr(b_.CreateZExt(a, type(word)), b_.CreateShl(b_.CreateZExt(b, type(word)), integer(16, word)));
  std::vector<int> which;
  for (int i = 0; i < 2 * lanes; ++i) which.push_back(i);
  return b_.CreateBitCast(b_.CreateShuffleVector(a, b, which), type(word));
}

llvm::Value* Emitter::dot_pairs(llvm::Value* a, llvm::Value* b, llvm::Value* sum, int lanes) {
  if (!options_.bf16_dot || lanes != 16) throw InternalError(fmt::format("the target has no dot_pairs of {} lanes", lanes));
  llvm::Type* pairs = lanes_of(llvm::Type::getBFloatTy(context_), 2 * lanes);
  return b_.CreateIntrinsic(llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512, {}, {sum, b_.CreateBitCast(a, pairs), b_.CreateBitCast(b, pairs)});
}

llvm::Value* Emitter::arithmetic(const Expr& e, ExprId id) {
  const auto operand = [&](std::size_t i) { return splat(value(e.args[i]), e.type.lanes); };
  const VType operands{kernel_.exprs[e.args[0]].type.dtype, e.type.lanes};
  if (e.op == Op::lt) {
    if (llvm::Value* mask = less_than(e, id)) return mask;
  }
  if (e.op == Op::select) {
    llvm::Value* condition = value(e.args[0]);
    llvm::Value* yes = operand(1);
    return b_.CreateSelect(condition, yes, operand(2));
  }
  llvm::Value* a = operand(0);
  if (is_unary(e.op)) {
    at(e.ordinal);
    return unary(e.op, a, operands);
  }
  if (e.op == Op::cast) {
    at(e.ordinal);
    return cast(a, operands, e.type);
  }
  if (e.op == Op::bitcast) {
    at(e.ordinal);
    return b_.CreateBitCast(a, type(e.type));
  }
  if (!is_binary(e.op)) throw InternalError(fmt::format("the op {} is no arithmetic of kernels", name(e.op)));
  llvm::Value* b = operand(1);
  at(e.ordinal);
  if (e.integer == 1) return index_division(e.op, a, b);
  if (is_float(operands.dtype) && (e.op == Op::add || e.op == Op::mul)) {
    a = from_memory_where_short(a);
    b = from_memory_where_short(b);
  }
  return binary(e.op, a, b, operands);
}

}  // namespace uwaga::kernel
