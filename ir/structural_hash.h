// Structural hashes: 128 bits that say what a node or a graph computes, whoever wrote it, wherever and in what order.
//
//   Hash128 h = structural_hash(graph);      // of the whole graph
//   h.str();                                 // "6b1f0c...": 32 hexadecimal digits
//
// A node's hash sees its op, its attributes (graphs inside them too, composites by name and version, numbers by their bits)
// and the hashes of its operands. It sees no provenance, no pointer, no creation order. Inputs count by name, or by
// position where the graph is a body, whose input names are only a convention. Nodes that nothing needs do not count.
// The function is fixed: the values are the same on every machine and in every version, and tests pin them. It is no
// defence against someone who constructs collisions.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <uwaga/ir/attributes.h>

namespace uwaga {

struct Hash128 {
  std::uint64_t hi = 0, lo = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
  std::string str() const;
};

// For hash tables over hashes.
struct HashOfHash {
  std::size_t operator()(const Hash128& h) const { return static_cast<std::size_t>(h.lo); }
};

// Feeds words to the hash one after another; the order counts.
class Hasher {
 public:
  Hasher& word(std::uint64_t w);
  Hasher& bytes(std::string_view text);  // with its length
  Hasher& hash(const Hash128& h) { return word(h.hi).word(h.lo); }
  Hash128 finish() const;

 private:
  std::uint64_t a_ = 0x243f6a8885a308d3, b_ = 0x13198a2e03707344;  // digits of pi
};

enum class InputsBy : std::uint8_t { name, position };

// One hash a node, indexed by NodeId; nodes that are not live have theirs too.
std::vector<Hash128> node_hashes(const Graph& graph, InputsBy inputs = InputsBy::name);
// Of the inputs (by name: in any order), outputs, updates and bounds, with all that they need.
Hash128 structural_hash(const Graph& graph, InputsBy inputs = InputsBy::name);
Hash128 structural_hash(const Attributes& attributes);
Hash128 structural_hash(const Type& type);

// Equal graphs in the sense of the hash.
bool same_structure(const Graph& a, const Graph& b);

}  // namespace uwaga
