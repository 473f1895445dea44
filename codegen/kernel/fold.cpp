#include <bit>
#include <limits>
#include <optional>
#include <utility>

#include <uwaga/codegen/kernel/internal/fold.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel::fold {
namespace {

using Int = std::int64_t;
using Word = std::uint64_t;

Int plus(Int a, Int b) { return static_cast<Int>(static_cast<Word>(a) + static_cast<Word>(b)); }
Int minus(Int a, Int b) { return static_cast<Int>(static_cast<Word>(a) - static_cast<Word>(b)); }
Int times(Int a, Int b) { return static_cast<Int>(static_cast<Word>(a) * static_cast<Word>(b)); }

const Expr& expr(Ex x) { return x.builder->kernel().exprs[x.id]; }

// The scalar that a vector repeats.
Ex splatted(Ex x) { return expr(x).kind == ExprKind::splat ? Ex{x.builder, expr(x).args[0]} : Ex{}; }

std::optional<Int> evaluate(Op op, Int a, Int b) {
  switch (op) {
    case Op::neg: return minus(0, a);
    case Op::abs: return a < 0 ? minus(0, a) : a;
    case Op::floor: return a;
    case Op::logical_not: return a == 0;
    case Op::add: return plus(a, b);
    case Op::sub: return minus(a, b);
    case Op::mul: return times(a, b);
    case Op::div: return floor_div(a, b);
    case Op::rem: return floor_rem(a, b);
    case Op::max: return a < b ? b : a;
    case Op::min: return b < a ? b : a;
    case Op::logical_and: return a & b;
    case Op::logical_or: return a | b;
    case Op::eq: return a == b;
    case Op::lt: return a < b;
    default: return std::nullopt;
  }
}

bool commutes(Op op) {
  return op == Op::add || op == Op::mul || op == Op::max || op == Op::min || op == Op::logical_and || op == Op::logical_or ||
         op == Op::eq;
}

// x op c, for a constant c.
Ex with_constant(KernelBuilder& b, Op op, Ex x, Int c) {
  const DType d = x.type().dtype;
  const auto number = [&](Int value, DType dtype) { return b.splat(b.integer(value, dtype), x.type().lanes); };
  switch (op) {
    case Op::add:
    case Op::sub: {
      if (c == 0) return x;
      if (op == Op::sub) return x + b.integer(minus(0, c), d);
      // (y + k) + c: one constant.
      const Expr e = expr(x);
      if (e.kind == ExprKind::arithmetic && e.op == Op::add) {
        if (const Int* k = constant({&b, e.args[1]})) return Ex{&b, e.args[0]} + b.integer(plus(*k, c), d);
      }
      return {};
    }
    case Op::mul:
      if (c == 0) return number(0, d);
      return c == 1 ? x : Ex{};
    case Op::div:
      if (c == 0) return number(0, d);
      return c == 1 ? x : Ex{};
    case Op::rem: return c == 0 || c == 1 ? number(0, d) : Ex{};
    case Op::logical_and: return c ? x : number(0, d);
    case Op::logical_or: return c ? number(1, d) : x;
    default: return {};
  }
}

// Ramps stay ramps under + and * with a scalar.
Ex on_ramp(KernelBuilder& b, Op op, Ex x, Ex y) {
  const Expr r = expr(x);
  const Ex k = splatted(y);
  if (r.kind != ExprKind::ramp || !k) return {};
  const Ex base{&b, r.args[0]}, stride{&b, r.args[1]};
  if (op == Op::add) return b.ramp(base + k, r.type.lanes, stride);
  if (op == Op::sub) return b.ramp(base - k, r.type.lanes, stride);
  if (op == Op::mul) return b.ramp(base * k, r.type.lanes, stride * k);
  return {};
}

bool is_cast(const Expr& e) { return e.kind == ExprKind::arithmetic && e.op == Op::cast; }

}  // namespace

Int wrapped(Int value, DType dtype) {
  switch (dtype) {
    case DType::i32: return static_cast<std::int32_t>(value);
    case DType::i8: return static_cast<std::int8_t>(value);
    case DType::u8: return static_cast<std::uint8_t>(value);
    case DType::boolean: return value != 0;
    default: return value;
  }
}

Int floor_div(Int a, Int b) {
  if (b == 0) return 0;
  if (b == -1) return minus(0, a);
  const Int q = a / b;
  return q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}

Int floor_rem(Int a, Int b) {
  if (b == 0 || b == -1) return 0;
  const Int r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

const Int* constant(Ex x) {
  if (const Ex s = splatted(x)) x = s;
  return expr(x).kind == ExprKind::integer ? &expr(x).integer : nullptr;
}

Ex apply(KernelBuilder& b, Op op, Ex x, Ex y) {
  const VType t = x.type();
  // What is one number in every lane is computed once.
  if (t.lanes > 1) {
    const Ex sx = splatted(x), sy = y ? splatted(y) : Ex{};
    if (bool(sx) && !y) return b.splat(b.apply(op, {sx}), t.lanes);
    if (bool(sx) && bool(sy)) return b.splat(b.apply(op, {sx, sy}), t.lanes);
  }
  if (is_float(t.dtype)) return {};
  if (!y) {
    if (const Int* c = constant(x)) {
      if (const auto value = evaluate(op, *c, 0)) return b.integer(*value, t.dtype);
    }
    if (op == Op::floor) return x;
    if (op == Op::logical_not && expr(x).kind == ExprKind::arithmetic && expr(x).op == Op::logical_not) return {&b, expr(x).args[0]};
    return {};
  }
  const DType result = op == Op::eq || op == Op::lt ? DType::boolean : t.dtype;
  if (constant(x) && constant(y)) {
    if (const auto value = evaluate(op, *constant(x), *constant(y))) return b.splat(b.integer(*value, result), t.lanes);
  }
  if (constant(x) && commutes(op)) return b.apply(op, {y, x});  // constants stand on the right
  if (const Int* c = constant(y)) {
    if (const Ex simpler = with_constant(b, op, x, *c)) return simpler;
  }
  if (x.id == y.id) {
    if (op == Op::sub || op == Op::lt) return b.splat(b.integer(0, result), t.lanes);
    if (op == Op::eq) return b.splat(b.integer(1, result), t.lanes);
    if (op == Op::max || op == Op::min || op == Op::logical_and || op == Op::logical_or) return x;
  }
  if (const Ex ramp = on_ramp(b, op, x, y)) return ramp;
  if (commutes(op) && expr(y).kind == ExprKind::ramp) return on_ramp(b, op, y, x);
  return {};
}

Ex cast(KernelBuilder& b, Ex x, DType dtype) {
  if (const Ex s = splatted(x)) return b.splat(b.cast(s, dtype), x.type().lanes);
  if (const Expr& wide = expr(x); is_cast(wide) && wide.type.dtype == DType::f32 && (dtype == DType::bf16 || dtype == DType::f16)) {
    // What was rounded to a dtype that f32 holds, and widened, is rounded to it already.
    const Ex from{&b, wide.args[0]};
    if (from.type().dtype == dtype && is_cast(expr(from))) return from;
  }
  const Int* c = constant(x);
  if (!c) return {};
  if (dtype == DType::f64) return b.real(static_cast<double>(*c), dtype);
  if (dtype == DType::f32) return b.real(static_cast<float>(*c), dtype);
  return is_float(dtype) ? Ex{} : b.integer(*c, dtype);
}

Ex bitcast(KernelBuilder& b, Ex x, DType dtype) {
  if (const Ex s = splatted(x)) return b.splat(b.bitcast(s, dtype), x.type().lanes);
  const Expr& e = expr(x);
  if (e.kind == ExprKind::arithmetic && e.op == Op::bitcast) return b.bitcast({&b, e.args[0]}, dtype);
  if (e.kind == ExprKind::integer && dtype == DType::u8) return b.integer(e.integer, dtype);
  if (e.kind == ExprKind::integer && dtype == DType::i8) return b.integer(e.integer, dtype);
  return {};
}

Ex bits(KernelBuilder& b, ExprKind kind, Ex x, Ex y) {
  const VType t = x.type();
  if (t.lanes > 1) {
    const Ex sx = splatted(x), sy = splatted(y);
    if (bool(sx) && bool(sy)) return b.splat(b.bits(kind, sx, sy), t.lanes);
  }
  const Int *c = constant(x), *d = constant(y);
  if (d && *d == 0) {
    if (kind == ExprKind::bit_and || kind == ExprKind::mul_high) return y;
    return x;
  }
  if (!c || !d) return {};
  const int width = static_cast<int>(8 * size_of(t.dtype));
  const Word low = width == 64 ? ~Word{0} : (Word{1} << width) - 1, u = static_cast<Word>(*c) & low, v = static_cast<Word>(*d) & low;
  Word value = 0;
  switch (kind) {
    case ExprKind::bit_and: value = u & v; break;
    case ExprKind::bit_or: value = u | v; break;
    case ExprKind::bit_xor: value = u ^ v; break;
    case ExprKind::shift_left:
    case ExprKind::shift_right:
      if (v >= static_cast<Word>(width)) throw InternalError("kernel builder: a shift by as many bits as there are, or more");
      value = kind == ExprKind::shift_left ? u << v : u >> v;
      break;
    case ExprKind::mul_high: value = (u * v) >> 32; break;
    default: return {};
  }
  return b.integer(static_cast<Int>(value), t.dtype);
}

}  // namespace uwaga::kernel::fold
