// The reverse sweep: cotangents flow back through the graph of tangents, into the primal graph.
//
// The graph of tangents is a graph inside the primal graph: its inputs are the tangents asked about, the primal values
// it captured, and the tangents that come out of nodes with bodies (`Deferred`), whose reverse is built as a whole.
#pragma once

#include <utility>

#include <uwaga/autodiff/internal/bodies.h>

namespace uwaga::autodiff {

struct Deferred {
  NodeId forward;
  std::vector<std::optional<NodeId>> operands;  // their tangents
  std::vector<std::optional<NodeId>> outputs;   // the inputs that stand for their tangents
};

class Transposer {
 public:
  Transposer(Context& context, GraphPtr primal, GraphPtr linear, std::vector<NodeId> tangent_inputs,
             std::map<NodeId, Deferred> deferred);

  // Adds to the cotangent of a linear node.
  void give(NodeId linear, const Tensor& cotangent);
  Maybe take(NodeId linear) { return std::exchange(cotangent_[linear], std::nullopt); }
  void run();
  const Maybe& cotangent(NodeId linear) const { return cotangent_[linear]; }

  const GraphData& linear_graph() const { return *linear_; }
  bool is_linear(NodeId id) const { return is_linear_[id]; }
  // A node of the graph of tangents that depends on no tangent, as a primal tensor.
  Tensor fixed(Value v);

 private:
  void reverse_deferred(const Deferred& d);

  Context& context_;
  GraphPtr primal_, linear_;
  std::map<NodeId, Deferred> deferred_;  // by the first of their outputs
  std::vector<bool> is_linear_;
  std::vector<Maybe> cotangent_;
  std::vector<std::optional<Value>> fixed_;
};

}  // namespace uwaga::autodiff
