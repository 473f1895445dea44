// Derivatives of the ops that have bodies: call, cond and scan.
//
// They are not split into a linear node that is transposed: their reverse is built from the forward node, with the same
// two functions of context.h applied inside.
#pragma once

#include <uwaga/autodiff/internal/rules.h>

namespace uwaga::autodiff {

// What a reverse rule sees: the node, which operands' cotangents are wanted, and its outputs' cotangents.
struct Backward {
  Context& context;
  const GraphPtr& graph;
  NodeId id;
  const std::vector<bool>& wanted;
  const std::vector<Maybe>& cotangents;

  const Node& node() const { return graph->node(id); }
  template <typename A>
  const A& as() const {
    return node().as<A>();
  }
};

using Tangents = std::vector<Maybe>;

// Tangents of all outputs.
Tangents linearise_call(const Forward&);
Tangents linearise_cond(const Forward&);
Tangents linearise_scan(const Forward&);
// Cotangents of all operands.
Tangents backward_call(const Backward&);
Tangents backward_cond(const Backward&);
Tangents backward_scan(const Backward&);

Tangents linearise_body(const Forward&);
Tangents backward_body(const Backward&);

// A body under construction: an unattached graph with the provenance table of another.
struct BodyBuilder {
  GraphPtr graph;
  BodyBuilder(const GraphPtr& like, ProvenanceId origin);
  // A name that is taken gets a prime.
  Tensor input(std::string name, const Type& type);
  // Inputs named and typed as those of `body`.
  std::vector<Tensor> inputs_like(const Graph& body);
  std::vector<Value> inlined(const Graph& body, const std::vector<Tensor>& operands);
  void output(const std::string& name, const Tensor& value);
  // Dead and equal nodes gone, in canonical order.
  Graph finish();
};

std::vector<Tensor> outputs_of(const GraphPtr& graph, NodeId id);

}  // namespace uwaga::autodiff
