// What an index can be, from static extents: loops over whole tiles need no guards, and their tiles no masks.
#include <algorithm>
#include <limits>

#include <uwaga/codegen/llvm/internal/emitter.h>

namespace uwaga::kernel {

// Of scalar indices that stay the same once defined; anything else can be everything. So is what might wrap.
Emitter::Range Emitter::range(ExprId id) {
  const Expr& e = kernel_.exprs[id];
  if (e.type != VType{DType::i64, 1} || !fixed(id)) return {};
  if (e.kind == ExprKind::integer) return {e.integer, e.integer};
  if (e.kind == ExprKind::variable) return let_[e.index] != kNone ? range(let_[e.index]) : counted_[e.index];
  if (e.kind != ExprKind::arithmetic) return {};
  if (!ranges_[id]) ranges_[id] = range_of(e);
  return *ranges_[id];
}

Emitter::Range Emitter::range_of(const Expr& e) {
  if (e.op == Op::select) {
    const Range yes = range(e.args[1]), no = range(e.args[2]);
    return {std::min(yes.least, no.least), std::max(yes.most, no.most)};
  }
  if (!is_binary(e.op)) return {};
  const Range a = range(e.args[0]), b = range(e.args[1]);
  Range r;
  switch (e.op) {
    case Op::add:
      if (__builtin_add_overflow(a.least, b.least, &r.least) || __builtin_add_overflow(a.most, b.most, &r.most)) return {};
      return r;
    case Op::sub:
      if (__builtin_sub_overflow(a.least, b.most, &r.least) || __builtin_sub_overflow(a.most, b.least, &r.most)) return {};
      return r;
    case Op::mul: {
      std::int64_t product[4];
      std::size_t n = 0;
      for (std::int64_t x : {a.least, a.most})
        for (std::int64_t y : {b.least, b.most})
          if (__builtin_mul_overflow(x, y, &product[n++])) return {};
      const auto [least, most] = std::minmax_element(product, product + n);
      return {*least, *most};
    }
    case Op::min:
      return {std::min(a.least, b.least), std::min(a.most, b.most)};
    case Op::max:
      return {std::max(a.least, b.least), std::max(a.most, b.most)};
    case Op::div:
      if (a.least < 0 || b.least <= 0) return {};
      return {a.least / b.most, a.most / b.least};
    case Op::rem:
      if (a.least < 0 || b.least <= 0) return {};
      if (a.most < b.least) return a;
      return {0, b.most - 1};
    default:
      return {};
  }
}

}  // namespace uwaga::kernel
