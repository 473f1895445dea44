// The attributes of a node: made once, never changed, shared by all copies of the node that passes write.
//
//   SharedAttributes a = CastAttrs{DType::f32};       // from any of the structs, or from an Attributes
//   const Attributes& plain = a;
//
// To change them, copy the Attributes out and make new ones. What hashing them costs, graphs inside included, is paid once:
// the state of a Hasher that has taken in an op and these attributes is kept with them. Who looks inside includes
// ir/attributes.h, which takes a compiler as long as all the rest of the graph.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <uwaga/ir/hasher.h>
#include <uwaga/ir/op.h>

namespace uwaga {

struct Attributes;

// One of the structs of ir/attributes.h.
template <typename A>
concept AttributesOfOp = requires { std::remove_cvref_t<A>::fields(); };

class SharedAttributes {
 public:
  SharedAttributes() = default;  // NoAttrs, which takes no memory
  SharedAttributes(const Attributes& attributes);  // NOLINT: the same attributes
  SharedAttributes(Attributes&& attributes);       // NOLINT
  template <AttributesOfOp A>
  SharedAttributes(A&& a) : SharedAttributes(Attributes(std::forward<A>(a))) {}  // NOLINT

  const Attributes& get() const { return attributes_ ? *attributes_ : kNone; }
  operator const Attributes&() const { return get(); }  // NOLINT
  std::size_t index() const;
  // Whether both are one object; two that are not may be equal still.
  bool shares(const SharedAttributes& other) const { return attributes_ == other.attributes_; }

  // The hasher kept for this op, or `make()`, kept from now on. Any number of threads may ask.
  template <typename Make>
  Hasher hashed(Op op, Make&& make) const {
    if (const Hasher* known = kept(op)) return *known;
    const Hasher made = make();
    keep(op, made);
    return made;
  }

 private:
  struct Block;

  const Hasher* kept(Op op) const;  // null where there is none
  void keep(Op op, const Hasher& hasher) const;
  Block& block() const;

  static const Attributes kNone;
  std::shared_ptr<const Attributes> attributes_;  // of a Block
};

}  // namespace uwaga
