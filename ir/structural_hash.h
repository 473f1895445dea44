// Structural hashes: 128 bits that say what a node or a graph computes, whoever wrote it, wherever and in what order.
//
//   Hash128 h = structural_hash(graph);      // of the whole graph
//   h.str();                                 // "6b1f0c...": 32 hexadecimal digits
//
// A node's hash sees its op, its attributes (graphs inside them too, composites by name and version, numbers by their bits)
// and the hashes of its operands. It sees no provenance, no pointer, no creation order. Inputs count by name, or by
// position where the graph is a body, whose input names are only a convention. Nodes that nothing needs do not count.
#pragma once

#include <cstdint>
#include <vector>

#include <uwaga/ir/graph_ref.h>
#include <uwaga/ir/hasher.h>
#include <uwaga/ir/shared_attributes.h>

namespace uwaga {

struct Attributes;

enum class InputsBy : std::uint8_t { name, position };

// One hash a node, indexed by NodeId; nodes that are not live have theirs too.
std::vector<Hash128> node_hashes(const Graph& graph, InputsBy inputs = InputsBy::name);
// Of the inputs (by name: in any order), outputs, updates and bounds, with all that they need.
Hash128 structural_hash(const Graph& graph, InputsBy inputs = InputsBy::name);
Hash128 structural_hash(const Attributes& attributes);
Hash128 structural_hash(const Type& type);
// Of an op and its attributes; computed once for all nodes that share them.
Hash128 structural_hash(Op op, const SharedAttributes& attributes);

// Equal graphs in the sense of the hash.
bool same_structure(const Graph& a, const Graph& b);

}  // namespace uwaga
