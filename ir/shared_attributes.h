// The attributes of a node: made once, never changed, shared by all copies of the node that passes write.
//
//   SharedAttributes a = CastAttrs{DType::f32};       // from any of the structs, or from an Attributes
//   const Attributes& plain = a;
//
// To change them, copy the Attributes out and make new ones. What hashing them costs, graphs inside included, is paid once:
// the state of a Hasher that has taken in an op and these attributes is kept with them.
#pragma once

#include <atomic>
#include <memory>
#include <type_traits>
#include <utility>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/hasher.h>

namespace uwaga {

class SharedAttributes {
 public:
  SharedAttributes() = default;  // NoAttrs, which takes no memory
  SharedAttributes(Attributes attributes);  // NOLINT: the same attributes
  template <typename A>
    requires(!std::is_same_v<std::remove_cvref_t<A>, Attributes> && !std::is_same_v<std::remove_cvref_t<A>, SharedAttributes> &&
             std::is_constructible_v<Attributes, A>)
  SharedAttributes(A&& a) : SharedAttributes(Attributes(std::forward<A>(a))) {}  // NOLINT

  const Attributes& get() const { return block_ ? block_->attributes : kNone; }
  operator const Attributes&() const { return get(); }  // NOLINT
  std::size_t index() const { return get().index(); }
  // Whether both are one object; two that are not may be equal still.
  bool shares(const SharedAttributes& other) const { return block_ == other.block_; }

  // The hasher kept for this op, or `make()`, kept from now on. Any number of threads may ask.
  template <typename Make>
  Hasher hashed(Op op, Make&& make) const {
    if (!block_) return make();
    Block& b = *block_;
    if (b.kept.load(std::memory_order_acquire) == Block::ready && b.op == op) return b.hasher;
    const Hasher made = make();
    auto nothing = Block::nothing;
    if (b.kept.compare_exchange_strong(nothing, Block::writing, std::memory_order_relaxed)) {
      b.op = op;
      b.hasher = made;
      b.kept.store(Block::ready, std::memory_order_release);
    }
    return made;
  }

 private:
  struct Block {
    enum Kept : std::uint8_t { nothing, writing, ready };
    explicit Block(Attributes a) : attributes(std::move(a)) {}
    const Attributes attributes;
    std::atomic<Kept> kept = nothing;
    Op op = Op::input;
    Hasher hasher;
  };

  static const Attributes kNone;
  std::shared_ptr<Block> block_;
};

}  // namespace uwaga
