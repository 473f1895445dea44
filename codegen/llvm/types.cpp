// Types, constants and casts.
#include <fmt/format.h>

#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

llvm::Type* Emitter::scalar(DType dtype) const {
  switch (dtype) {
    case DType::f64:
      return llvm::Type::getDoubleTy(context_);
    case DType::f32:
      return llvm::Type::getFloatTy(context_);
    case DType::bf16:
    case DType::f16:
      return llvm::Type::getInt16Ty(context_);
    case DType::i64:
      return llvm::Type::getInt64Ty(context_);
    case DType::i32:
      return llvm::Type::getInt32Ty(context_);
    case DType::i8:
    case DType::u8:
      return llvm::Type::getInt8Ty(context_);
    case DType::boolean:
      return llvm::Type::getInt1Ty(context_);
  }
  throw InternalError("a kernel has an expression of no dtype");
}

llvm::Type* Emitter::stored(DType dtype) const {
  return dtype == DType::boolean ? llvm::Type::getInt8Ty(context_) : scalar(dtype);
}

llvm::Type* Emitter::lanes_of(llvm::Type* element, int lanes) const {
  return lanes == 1 ? element : llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
}

llvm::Type* Emitter::type(VType t) const { return lanes_of(scalar(t.dtype), t.lanes); }

llvm::Constant* Emitter::integer(std::int64_t value, VType t) const {
  return llvm::ConstantInt::get(type(t), static_cast<std::uint64_t>(value), /*IsSigned=*/true);
}

llvm::Constant* Emitter::real(double value, VType t) const {
  if (t.dtype == DType::bf16) return integer(bf16_bits(static_cast<float>(value)), t);
  if (t.dtype == DType::f16) return integer(f16_bits(static_cast<float>(value)), t);
  return llvm::ConstantFP::get(type(t), t.dtype == DType::f32 ? static_cast<float>(value) : value);
}

// With AVX2, LLVM takes a constant of equal lanes by a broadcast, which no instruction does by the way: an instruction a use
// where registers are short, as they are. What lies in memory as a whole vector is an operand of what uses it.
llvm::Value* Emitter::from_memory_where_short(llvm::Value* x) {
  const auto* constant = llvm::dyn_cast<llvm::ConstantDataVector>(x);
  if (!options_.short_of_registers || constant == nullptr || constant->getType()->getPrimitiveSizeInBits() < 256) return x;
  llvm::GlobalVariable*& global = in_memory_[constant];
  if (global == nullptr) {
    global = new llvm::GlobalVariable(module_, x->getType(), true, llvm::GlobalValue::PrivateLinkage, llvm::cast<llvm::Constant>(x));
    global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    global->setAlignment(llvm::Align(32));
  }
  llvm::LoadInst* load = b_.CreateAlignedLoad(x->getType(), global, llvm::Align(32));
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
  return load;
}

llvm::Value* Emitter::splat(llvm::Value* x, int lanes) {
  if (lanes == 1 || x->getType()->isVectorTy()) return x;
  return b_.CreateVectorSplat(static_cast<unsigned>(lanes), x);
}

// bf16 by integers, for two reasons: without AVX512_BF16 the instruction is a library call a lane, and with it
// denormals are lost.
llvm::Value* Emitter::narrow_bf16(llvm::Value* x, int lanes) {
  const VType word{DType::i32, lanes}, half{DType::bf16, lanes};
  llvm::Value* bits = b_.CreateBitCast(x, type(word));
  llvm::Value* high = b_.CreateLShr(bits, integer(16, word));
  llvm::Value* odd = b_.CreateAnd(high, integer(1, word));
  llvm::Value* rounded = b_.CreateLShr(b_.CreateAdd(b_.CreateAdd(bits, integer(0x7fff, word)), odd), integer(16, word));
  llvm::Value* quiet = b_.CreateOr(high, integer(0x40, word));
  return b_.CreateTrunc(b_.CreateSelect(b_.CreateFCmpUNO(x, x), quiet, rounded), type(half));
}

llvm::Value* Emitter::widen_f16(llvm::Value* bits, int lanes) {
  const VType word{DType::i32, lanes}, single{DType::f32, lanes};
  if (options_.f16_convert) {
    return b_.CreateFPExt(b_.CreateBitCast(bits, lanes_of(llvm::Type::getHalfTy(context_), lanes)), type(single));
  }
  // Exponent and mantissa moved into place and scaled by 2^112: exact, and right for denormals too.
  llvm::Value* wide = b_.CreateZExt(bits, type(word));
  llvm::Value* magnitude = b_.CreateAnd(wide, integer(0x7fff, word));
  llvm::Value* sign = b_.CreateShl(b_.CreateAnd(wide, integer(0x8000, word)), integer(16, word));
  llvm::Value* moved = b_.CreateBitCast(b_.CreateShl(magnitude, integer(13, word)), type(single));
  llvm::Value* scaled = b_.CreateBitCast(b_.CreateFMul(moved, real(0x1p112, single)), type(word));
  llvm::Value* special = b_.CreateICmpUGE(magnitude, integer(0x7c00, word));
  llvm::Value* full = b_.CreateOr(scaled, b_.CreateSelect(special, integer(0x7f800000, word), integer(0, word)));
  return b_.CreateBitCast(b_.CreateOr(full, sign), type(single));
}

llvm::Value* Emitter::narrow_f16(llvm::Value* x, int lanes) {
  const VType word{DType::i32, lanes}, single{DType::f32, lanes}, half{DType::f16, lanes};
  if (options_.f16_convert) {
    return b_.CreateBitCast(b_.CreateFPTrunc(x, lanes_of(llvm::Type::getHalfTy(context_), lanes)), type(half));
  }
  llvm::Value* bits = b_.CreateBitCast(x, type(word));
  llvm::Value* magnitude = b_.CreateAnd(bits, integer(0x7fffffff, word));
  llvm::Value* sign = b_.CreateAnd(b_.CreateLShr(bits, integer(16, word)), integer(0x8000, word));
  llvm::Value* odd = b_.CreateAnd(b_.CreateLShr(magnitude, integer(13, word)), integer(1, word));
  llvm::Value* biased = b_.CreateAdd(b_.CreateSub(magnitude, integer(112 << 23, word)), integer(0xfff, word));
  llvm::Value* normal = b_.CreateLShr(b_.CreateAdd(biased, odd), integer(13, word));
  // Denormal: beside 1/2 the unit of an f32 is 2^-24, so the addition itself rounds to the denormals of f16.
  llvm::Value* beside = b_.CreateFAdd(b_.CreateBitCast(magnitude, type(single)), real(0.5, single));
  llvm::Value* denormal = b_.CreateSub(b_.CreateBitCast(beside, type(word)), integer(0x3f000000, word));
  llvm::Value* result = b_.CreateSelect(b_.CreateICmpULT(magnitude, integer(0x38800000, word)), denormal, normal);
  result = b_.CreateSelect(b_.CreateICmpUGE(magnitude, integer(0x477ff000, word)), integer(0x7c00, word), result);
  result = b_.CreateSelect(b_.CreateFCmpUNO(x, x), integer(0x7e00, word), result);
  return b_.CreateTrunc(b_.CreateOr(result, sign), type(half));
}

// Truncates, saturates, and takes NaN to 0. LLVM's fptosi.sat says the same; the vectors of 32 bits are spelled out,
// because x86 has no such instruction and LLVM's expansion clamps before and selects after.
llvm::Value* Emitter::float_to_integer(llvm::Value* x, VType from, VType to) {
  const int bits = static_cast<int>(size_of(to.dtype)) * 8;
  if (bits == 8) {
    const VType word{DType::i32, to.lanes};
    llvm::Value* wide = float_to_integer(x, from, word);
    const bool is_signed = to.dtype == DType::i8;
    wide = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, wide, integer(is_signed ? -128 : 0, word));
    wide = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, wide, integer(is_signed ? 127 : 255, word));
    return b_.CreateTrunc(wide, type(to));
  }
  if (bits == 64 || to.lanes == 1)
    return b_.CreateIntrinsic(llvm::Intrinsic::fptosi_sat, {type(to), x->getType()}, {x});
  // Out of range the conversion is poison, frozen so that the selects below may replace it.
  llvm::Value* plain = b_.CreateFreeze(b_.CreateFPToSI(x, type(to)));
  llvm::Value* high = b_.CreateFCmpOGE(x, real(0x1p31, from));
  llvm::Value* low = b_.CreateFCmpOLT(x, real(-0x1p31, from));
  plain = b_.CreateSelect(high, integer(INT32_MAX, to), plain);
  plain = b_.CreateSelect(low, integer(INT32_MIN, to), plain);
  return b_.CreateSelect(b_.CreateFCmpUNO(x, x), integer(0, to), plain);
}

llvm::Value* Emitter::cast(llvm::Value* x, VType from, VType to) {
  if (from.dtype == to.dtype) return x;
  const VType single{DType::f32, from.lanes};
  // The narrow floats reach everything through f32.
  if (from.dtype == DType::bf16) {
    const VType word{DType::i32, from.lanes};
    llvm::Value* wide = b_.CreateShl(b_.CreateZExt(x, type(word)), integer(16, word));
    return cast(b_.CreateBitCast(wide, type(single)), single, to);
  }
  if (from.dtype == DType::f16) return cast(widen_f16(x, from.lanes), single, to);
  if (to.dtype == DType::bf16 || to.dtype == DType::f16) {
    x = cast(x, from, single);
    return to.dtype == DType::bf16 ? narrow_bf16(x, from.lanes) : narrow_f16(x, from.lanes);
  }
  if (to.dtype == DType::boolean) {
    return is_float(from.dtype) ? b_.CreateFCmpUNE(x, real(0, from)) : b_.CreateICmpNE(x, integer(0, from));
  }
  const bool from_unsigned = from.dtype == DType::u8 || from.dtype == DType::boolean;
  if (is_float(from.dtype)) return is_float(to.dtype) ? b_.CreateFPCast(x, type(to)) : float_to_integer(x, from, to);
  if (is_float(to.dtype)) return from_unsigned ? b_.CreateUIToFP(x, type(to)) : b_.CreateSIToFP(x, type(to));
  return from_unsigned ? b_.CreateZExtOrTrunc(x, type(to)) : b_.CreateSExtOrTrunc(x, type(to));
}

}  // namespace uwaga::kernel
