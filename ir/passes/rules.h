// Rules: what `simplify`, `fold` and `strip` are made of. A rule is one row of a table.
//
// Nodes are written in order into a new graph; before a node is written, the rules of its op are tried, and a rule either
// gives the value that replaces it or nothing. A rule sees operands that are final, so one walk is enough.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <uwaga/ir/graph.h>

namespace uwaga {

// A node about to be written, and the graph it is written to.
class Site {
 public:
  using Write = std::function<Value(Op, SharedAttributes, ValueList, ProvenanceId)>;
  // The graph is asked for each time: writing the first node may replace the graph read by its copy.
  Site(const GraphData* const& graph, const SharedAttributes& attributes, const ValueList& operands, ProvenanceId provenance,
       const Write& write)
      : attributes(attributes), operands(operands), graph_(graph), provenance_(provenance), write_(write) {}

  const SharedAttributes& attributes;
  const ValueList& operands;
  template <typename A>
  const A& as() const { return std::get<A>(attributes.get()); }

  const Type& type(Value v) const { return graph_->type(v); }
  // The node that makes an operand.
  const Node& def(std::size_t operand) const { return graph_->node(operands[operand].node); }
  const Node& def(Value v) const { return graph_->node(v.node); }
  ProvenanceId provenance() const { return provenance_; }

  // A new node, rules tried on it too. It takes the provenance of the node replaced and of those it absorbs.
  Value emit(Op op, SharedAttributes attributes, ValueList operands, std::initializer_list<Value> absorbed = {}) const;
  // One number for every element of a type.
  Value full(const Literal& value, const Type& type) const;
  // `v`, its axes written in the order of `like`.
  Value ordered(Value v, const Type& like) const;
  // The number that all elements of `v` are, seen through broadcasts.
  std::optional<Literal> number(Value v) const;

 private:
  const GraphData* const& graph_;
  ProvenanceId provenance_;
  const Write& write_;
};

struct Rule {
  const char* name;
  Op op;
  std::optional<Value> (*apply)(const Site&);
};

// One walk over the graph and the bodies of scan, cond and calls. Gives the graph itself where no rule applies.
Graph apply_rules(const Graph& graph, std::span<const Rule> rules);

}  // namespace uwaga
