// Graph: the handle of a graph. Copies share the graph; an empty handle starts one when it is first used.
//
//   Graph g;
//   Tensor x = g.input("x", f32, {batch, model});
//   Scope s = g.scope();
//
// Passes treat a finished graph as immutable and return a new one. See graph.h for what is behind `->`.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include <uwaga/ir/small_list.h>
#include <uwaga/ir/type.h>

namespace uwaga {

class GraphData;
class Tensor;
class Scope;

using NodeId = std::uint32_t;

// One output of a node.
struct Value {
  NodeId node = 0;
  std::uint32_t output = 0;
  friend auto operator<=>(const Value&, const Value&) = default;
};

using ValueList = SmallList<Value, 3>;

class Graph {
 public:
  Graph() = default;
  explicit Graph(std::shared_ptr<GraphData> data) : data_(std::move(data)) {}

  // A graph's input. Axes without a size become symbols of their own name, bound when the program runs; one name with two
  // bounds, or one input name twice, is an Error.
  Tensor input(const std::string& name, DType dtype, const Axes& axes,
               std::source_location where = std::source_location::current());
  // The root scope.
  Scope scope(std::source_location where = std::source_location::current());

  // A parameter or a state slot, by its path. Error where there is none, with the nearest ones.
  Tensor parameter(const std::string& path) const;
  // The trainable parameters below a path, by what follows it: for Scope::with. Error where there are none.
  std::map<std::string, Tensor> parameters(const std::string& under = "") const;
  // What passes name and what was watched. Error where there is no such output, with the nearest ones.
  Tensor output(const std::string& name) const;

  // The i64 scalars that random numbers are drawn from: state slots "seed" and "step", shared by all that ask.
  Tensor seed(std::source_location where = std::source_location::current());
  Tensor step(std::source_location where = std::source_location::current());

  explicit operator bool() const { return data_ != nullptr; }
  GraphData* operator->() { return &data(); }
  const GraphData* operator->() const { return &data(); }
  GraphData& data();
  const GraphData& data() const;
  // What the handle shares; starts a graph if there is none yet.
  const std::shared_ptr<GraphData>& shared() const;

 private:
  mutable std::shared_ptr<GraphData> data_;
};

}  // namespace uwaga
