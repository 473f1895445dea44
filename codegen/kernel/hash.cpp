#include <bit>

#include <uwaga/codegen/kernel/hash.h>

namespace uwaga::kernel {
namespace {

constexpr std::uint64_t kVersion = 1;

template <typename E>
std::uint64_t number(E e) {
  return static_cast<std::uint64_t>(e);
}

void feed(Hasher& h, VType t) { h.word(number(t.dtype) | number(t.lanes) << 8); }

void feed(Hasher& h, const Expr& e, bool ordinals) {
  h.word(number(e.kind) | number(e.op) << 8 | (ordinals ? number(e.ordinal) << 16 : 0) | number(e.index) << 32);
  feed(h, e.type);
  h.word(number(e.integer)).word(std::bit_cast<std::uint64_t>(e.real)).word(e.args.size());
  for (ExprId arg : e.args) h.word(arg);
}

void feed(Hasher& h, const std::vector<Stmt>& block, bool ordinals) {
  h.word(block.size());
  for (const Stmt& s : block) {
    const bool ordinal = ordinals || s.kind == StmtKind::fail;
    const std::uint64_t tiles = number(s.tiles[0]) << 8 | number(s.tiles[1]) << 12;
    h.word(number(s.kind) | tiles | number(s.streams) << 63 | (ordinal ? number(s.ordinal) << 16 : 0) | number(s.var) << 32);
    h.word(s.buffer).word(s.value).word(s.index).word(s.condition).word(s.begin).word(s.end).word(number(s.step));
    feed(h, s.body, ordinals);
    feed(h, s.otherwise, ordinals);
  }
}

Hash128 hash(const Kernel& k, bool ordinals) {
  Hasher h;
  h.word(kVersion).word(k.exprs.size());
  for (const Expr& e : k.exprs) feed(h, e, ordinals);
  h.word(k.variables.size());
  for (const Variable& v : k.variables) feed(h, v.type);
  h.word(k.buffers.size());
  for (const Buffer& b : k.buffers)
    h.word(number(b.space) | number(b.dtype) << 8 | number(b.written) << 16).word(b.elements).word(number(b.alignment));
  h.word(k.arguments.size());
  for (DType d : k.arguments) h.word(number(d));
  h.word(k.grid.size());
  for (VarId v : k.grid) h.word(v);
  for (ExprId e : k.grid_extents) h.word(e);
  h.word(number(k.threads) | number(k.routine) << 32).word(k.thread);
  feed(h, k.body, ordinals);
  return h.finish();
}

}  // namespace

Hash128 hash(const Kernel& k) { return hash(k, true); }
Hash128 code_hash(const Kernel& k) { return hash(k, false); }

}  // namespace uwaga::kernel
