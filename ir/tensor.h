// Tensor: one value of a graph, what programs compute with.
//
// Operators and functions take Operands: a tensor or a literal together with the line it was written on. Elementwise
// functions align axes by name; one operand's axes must contain the other's, and the smaller is broadcast. Every function
// throws Error at the call that is wrong: "gpt.cpp:9 in h.3.attn.q: dot over {model}: left has model=768, right has 1024".
#pragma once

#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <vector>

#include <uwaga/ir/graph_ref.h>
#include <uwaga/ir/literal.h>

namespace uwaga {

class Tensor {
 public:
  Tensor(std::shared_ptr<GraphData> graph, Value value) : graph_(std::move(graph)), value_(value) {}

  const Type& type() const;
  DType dtype() const { return type().dtype; }
  const Extent& extent(const Axis& axis) const { return type().extent(axis.name); }
  bool has(const Axis& axis) const { return type().has(axis.name); }

  // Names the value and returns it from every run under that name.
  Tensor watch(const std::string& name, std::source_location where = std::source_location::current()) const;

  Graph graph() const { return Graph(graph_); }
  GraphData& data() const { return *graph_; }
  const std::shared_ptr<GraphData>& shared_graph() const { return graph_; }
  Value value() const { return value_; }

 private:
  std::shared_ptr<GraphData> graph_;
  Value value_;
};

// A tensor or a literal, and where it was written.
struct Operand {
  std::optional<Tensor> tensor;
  Literal literal;
  std::source_location where;

  Operand(Tensor t, std::source_location where = std::source_location::current())  // NOLINT
      : tensor(std::move(t)), where(where) {}
  template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
  Operand(Number v, std::source_location where = std::source_location::current())  // NOLINT
      : literal(v), where(where) {}
};

}  // namespace uwaga
