#include <uwaga/codegen/kernel/hash.h>

#include <bit>

namespace uwaga::kernel {
namespace {

std::uint64_t word(VType t) { return static_cast<std::uint64_t>(t.dtype) | static_cast<std::uint64_t>(t.lanes) << 8; }

void add(Hasher& h, const std::vector<Stmt>& block) {
  h.word(block.size());
  for (const Stmt& s : block) {
    h.word(static_cast<std::uint64_t>(s.kind) | static_cast<std::uint64_t>(s.ordinal) << 8 | static_cast<std::uint64_t>(s.var) << 32);
    h.word(s.buffer | static_cast<std::uint64_t>(s.value) << 32).word(s.index | static_cast<std::uint64_t>(s.condition) << 32);
    h.word(s.begin | static_cast<std::uint64_t>(s.end) << 32).word(static_cast<std::uint64_t>(s.step));
    add(h, s.body);
    add(h, s.otherwise);
  }
}

}  // namespace

Hash128 structural_hash(const Kernel& k) {
  Hasher h;
  h.word(k.exprs.size());
  for (const Expr& e : k.exprs) {
    h.word(static_cast<std::uint64_t>(e.kind) | static_cast<std::uint64_t>(e.op) << 8 | word(e.type) << 16 |
           static_cast<std::uint64_t>(e.ordinal) << 48);
    h.word(e.index).word(static_cast<std::uint64_t>(e.integer)).word(std::bit_cast<std::uint64_t>(e.real)).word(e.args.size());
    for (ExprId a : e.args) h.word(a);
  }
  h.word(k.variables.size());
  for (const Variable& v : k.variables) h.word(word(v.type));
  h.word(k.buffers.size());
  for (const Buffer& b : k.buffers)
    h.word(static_cast<std::uint64_t>(b.space) | static_cast<std::uint64_t>(b.dtype) << 8 | std::uint64_t{b.written} << 16 |
           static_cast<std::uint64_t>(b.elements) << 32).word(static_cast<std::uint64_t>(b.alignment));
  h.word(k.arguments.size());
  for (DType d : k.arguments) h.word(static_cast<std::uint64_t>(d));
  h.word(k.grid.size());
  for (VarId v : k.grid) h.word(v);
  for (ExprId e : k.grid_extents) h.word(e);
  h.word(static_cast<std::uint64_t>(k.threads)).word(k.thread);
  add(h, k.body);
  return h.finish();
}

}  // namespace uwaga::kernel
