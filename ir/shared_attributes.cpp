#include <uwaga/ir/shared_attributes.h>

#include <atomic>

#include <uwaga/ir/attributes.h>

namespace uwaga {

struct SharedAttributes::Block : Attributes {
  enum Kept : std::uint8_t { nothing, writing, ready };
  explicit Block(Attributes&& a) : Attributes(std::move(a)) {}

  std::atomic<Kept> kept = nothing;
  Op op = Op::input;
  Hasher hasher;
};

const Attributes SharedAttributes::kNone;

SharedAttributes::SharedAttributes(const Attributes& attributes) : SharedAttributes(Attributes(attributes)) {}

SharedAttributes::SharedAttributes(Attributes&& attributes) {
  if (!std::holds_alternative<NoAttrs>(attributes)) attributes_ = std::make_shared<Block>(std::move(attributes));
}

std::size_t SharedAttributes::index() const { return get().index(); }

// Every object that attributes_ points to was made as a Block, and not as a constant one.
SharedAttributes::Block& SharedAttributes::block() const {
  return const_cast<Block&>(static_cast<const Block&>(*attributes_));
}

const Hasher* SharedAttributes::kept(Op op) const {
  if (!attributes_) return nullptr;
  const Block& b = block();
  return b.kept.load(std::memory_order_acquire) == Block::ready && b.op == op ? &b.hasher : nullptr;
}

void SharedAttributes::keep(Op op, const Hasher& hasher) const {
  if (!attributes_) return;
  Block& b = block();
  auto nothing = Block::nothing;
  if (!b.kept.compare_exchange_strong(nothing, Block::writing, std::memory_order_relaxed)) return;
  b.op = op;
  b.hasher = hasher;
  b.kept.store(Block::ready, std::memory_order_release);
}

}  // namespace uwaga
