// The two rules of every primitive: how it linearises (the tangent of its output from the tangents of its operands),
// and how it transposes (cotangents of its linear operands from the cotangent of its output). Reverse mode is the
// transpose of the linearisation. A missing row does not compile; a missing rule is an Error that names the op and the
// line.
//
// A zero tangent or cotangent is an absent one. Rules are written with the builder of ir/ops.h: what they compute from
// primal tensors alone lands in the primal graph, what involves a tangent in the graph of tangents. Two nodes that are
// built by one rule are built by two statements, since the order in which they come decides in which order gradients
// are added.
#pragma once

#include <uwaga/autodiff/internal/context.h>
#include <uwaga/ir/ops.h>

#include <optional>
#include <vector>

namespace uwaga::autodiff {

// What a linearise rule sees: a node of the primal graph and the tangents of its operands.
struct Forward {
  Context& context;
  const std::shared_ptr<GraphData>& graph;
  NodeId id;
  const std::vector<Maybe>& tangents;  // one an operand

  const Node& node() const { return graph->node(id); }
  template <typename A>
  const A& as() const {
    return node().as<A>();
  }
  Tensor x(std::size_t i = 0) const { return {graph, node().operands[i]}; }
  Tensor y(std::uint32_t o = 0) const { return {graph, {id, o}}; }
  const Maybe& d(std::size_t i = 0) const { return tangents[i]; }
};

enum class Linearises : std::uint8_t {
  rule,  // by `rule`, which gives the tangent of output 0
  zero,  // piecewise constant, or nothing that a tangent can reach
  none,  // an Error if a tangent reaches it
  body,  // by what is inside: bodies.h
};
struct LineariseRow {
  Op op;
  Linearises how;
  Maybe (*rule)(const Forward&) = nullptr;
};
const LineariseRow& linearise_row(Op);

// What a transpose rule sees: a node of the graph of tangents and the cotangent of its output.
class Transposer;
struct Linear {
  Transposer& transposer;
  NodeId id;
  const Tensor& cotangent;

  const Node& node() const;
  template <typename A>
  const A& as() const {
    return node().as<A>();
  }
  bool is_linear(std::size_t i) const;                      // does the operand depend on a tangent?
  const Type& type(std::size_t i) const;                    // of the operand
  Tensor fixed(std::size_t i) const;                        // an operand that does not, as a primal tensor
  void give(std::size_t i, const Tensor& cotangent) const;  // adds to the operand's cotangent
  // The operand's cotangent so far, for a rule that adds to it itself: it is nothing again until the rule gives it back.
  Maybe take(std::size_t i) const;
};

struct TransposeRow {
  Op op;
  int linear;  // bit i: operand i may be linear; kAnyOperand; 0: never linear
  void (*rule)(const Linear&) = nullptr;
};
inline constexpr int kAnyOperand = ~0;
const TransposeRow& transpose_row(Op);

// Sums of tangents that may be zero, and zeros where a tensor is needed.
Maybe plus(const Maybe& a, const Maybe& b);
Tensor zeros(const std::shared_ptr<GraphData>& graph, const Type& type);
Tensor broadcast_to(const Tensor& x, const Dims& dims);
Axes axes_of(const AxisNames& names);

}  // namespace uwaga::autodiff
