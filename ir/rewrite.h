// Rewriter: a graph is walked in order and written anew, with a hook at every node. Every pass is one of these.
//
//   Graph without_tags = rewrite(graph, [](Rewriter& r, NodeId id) {
//     const Node& n = r.from().node(id);
//     if (n.op != Op::tag) return false;                   // not mine: copied
//     r.map({id, 0}, r.now(n.operands[0]));
//     return true;                                         // every output of the node is mapped
//   });
//
// Inputs, outputs, updates and bounds stay, in their order; nodes keep their provenance. What the hook adds through `add`
// carries the provenance of the node being rewritten, unless it says otherwise.
#pragma once

#include <functional>
#include <vector>

#include <uwaga/ir/graph_data.h>

namespace uwaga {

class Rewriter {
 public:
  explicit Rewriter(const Graph& from);

  const GraphData& from() const { return from_.data(); }
  GraphData& to() { return to_.data(); }

  // The new value of an old one. InternalError if it has none yet.
  Value now(Value old) const;
  bool is_mapped(Value old) const { return at(old) != kUnmapped; }
  void map(Value old, Value now);
  // The old node as it is, on its operands' new values.
  void copy(NodeId old);
  // ... with other attributes or operands.
  NodeId copy(NodeId old, SharedAttributes attributes, ValueList operands);
  // A new node, with the provenance of the node being rewritten.
  Value add(Op op, SharedAttributes attributes, ValueList operands);
  // The provenance of the node being rewritten.
  ProvenanceId provenance() const { return from().node(current_).provenance; }

  // Walks all nodes; the hook returns whether it mapped the node, which otherwise is copied.
  using Hook = std::function<bool(Rewriter&, NodeId)>;
  void walk(const Hook& hook);
  void begin(NodeId old) { current_ = old; }
  // Writes outputs and updates, and hands the new graph over.
  Graph finish();

 private:
  static constexpr Value kUnmapped{0xffffffff, 0};
  const Value& at(Value old) const { return values_[first_[old.node] + old.output]; }

  Graph from_, to_;
  NodeId current_ = 0;
  std::vector<std::uint32_t> first_;  // of a node's outputs in values_
  std::vector<Value> values_;
};

Graph rewrite(const Graph& from, const Rewriter::Hook& hook);

// Copies a body's nodes into `to`, its inputs replaced by `operands`; gives its outputs' values. Every copied node takes
// its own provenance united with `caller`.
std::vector<Value> inline_body(GraphData& to, const Graph& body, const std::vector<Value>& operands, ProvenanceId caller);

// The nodes that outputs and updates need, updated slots and all inputs included; indexed by NodeId.
std::vector<bool> live_nodes(const Graph& graph);

}  // namespace uwaga
