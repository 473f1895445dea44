// One derivative in the making: linearise and transpose a part of a graph.
#pragma once

#include <uwaga/ir/graph.h>
#include <uwaga/ir/structural_hash.h>
#include <uwaga/ir/tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace uwaga::autodiff {

using GraphPtr = std::shared_ptr<GraphData>;
using Maybe = std::optional<Tensor>;  // absent: zero

// The derivative of a composite with one signature: its call's body, and which of what was asked for is not zero.
struct Derived {
  CompositeRef composite;
  Graph body;
  std::vector<bool> present;
};

// What one call of grad, vjp or jvp shares between all graphs it goes through: each signature of a composite is derived
// once, however many layers call it.
struct Context {
  bool named = true;  // take the derivatives that composites name
  std::map<Hash128, Derived> derived;
};

// Tangents of `outputs` where `wrt` have these `tangents`; all values of `graph`, to which the derivative is added.
std::vector<Maybe> linearise(Context& context, const GraphPtr& graph, const std::vector<Value>& outputs,
                             const std::vector<Value>& wrt, const std::vector<Tensor>& tangents);
// Cotangents of `wrt` where `outputs` have these cotangents.
std::vector<Maybe> pull_back(Context& context, const GraphPtr& graph, const std::vector<Value>& outputs,
                             const std::vector<Maybe>& cotangents, const std::vector<Value>& wrt);

// Which outputs of a node have a tangent if these operands have one.
std::vector<bool> active_outputs(const Node& node, const std::vector<bool>& operands);
// The same of the outputs of a body, by its inputs.
std::vector<bool> active_outputs(const Graph& body, const std::vector<bool>& inputs);

// The nodes between `wrt` and `outputs` that carry tangents, in canonical order: what comes later in it depends on
// nothing but structure, so neither does the order in which gradients are added.
std::vector<NodeId> nodes_between(const GraphPtr& graph, const std::vector<Value>& outputs,
                                  const std::vector<Value>& wrt);

}  // namespace uwaga::autodiff
