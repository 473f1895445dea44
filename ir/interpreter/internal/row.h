// One row an op: how its values and, for dual numbers, its tangents are computed. See table.cpp.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/interpreter/internal/dense.h>
#include <uwaga/ir/interpreter/interpret.h>

namespace uwaga::interpreter {

struct Dual {
  Cells value;
  Cells tangent;  // null: zero
};

// What one run shares between its graph and the bodies inside.
struct Run {
  Mode mode;
  const InterpretOptions& options;
  const Sizes& sizes;
  const std::map<std::string, Dual>& parameters;
};

// A node as it is evaluated.
struct Site {
  const Run& run;
  const GraphData& graph;
  NodeId id;
  const Node& node;
  std::vector<ArrayDims> dims;         // of each output
  std::span<const Dual> graph_inputs;  // of the graph the node is in

  bool exact() const { return run.mode == Mode::exact; }
  // "gpt.cpp:9 in h.3.attn: gather <what>"
  Error error(const std::string& what) const;
  // An extent of an attribute; Error with the line if a symbol has no value.
  std::int64_t size(const Extent& extent) const;
};

using Operands = std::span<const Cells>;
using Values = std::vector<Dense>;
using MaybeCells = std::vector<Cells>;

struct Row {
  Op op;
  // The outputs' values, their axes in the order of site.dims; rounding to the dtype is left to the caller.
  Values (*value)(const Site&, Operands x) = nullptr;
  // The outputs' tangents (null for zero) from operands x, their tangents t (at least one not null) and outputs y.
  MaybeCells (*tangent)(const Site&, Operands x, Operands t, Operands y) = nullptr;
  // Instead of both, for leaves that are given and ops that run bodies.
  std::vector<Dual> (*whole)(const Site&, std::span<const Dual> x) = nullptr;
};

const Row& row(Op op);

// Runs a graph on the values of its inputs; gives those of its outputs.
std::vector<Dual> run_graph(const Run& run, const GraphData& graph, std::span<const Dual> inputs, std::span<const Value> wanted);
// The same for a body and its outputs, operands brought into the order of axes that it declares.
std::vector<Dual> run_body(const Site& site, const Graph& body, std::vector<Dual> inputs);

inline Cells cells(Dense x) { return std::make_shared<const Dense>(std::move(x)); }
// Zeros like x.
Cells zeros_like(const Dense& x);

// ---- what the rows point at, by file

// Piecewise constant: nothing moves with the operands.
MaybeCells no_tangent(const Site&, Operands, Operands, Operands y);
// The op applied to the tangent: linear ops of one operand.
MaybeCells linear_tangent(const Site&, Operands, Operands t, Operands);

// elementwise.cpp, dual_elementwise.cpp
Values unary_value(const Site&, Operands);
Values binary_value(const Site&, Operands);
Values select_value(const Site&, Operands);
Values cast_value(const Site&, Operands);
Values bitcast_value(const Site&, Operands);
MaybeCells unary_tangent(const Site&, Operands x, Operands t, Operands y);
MaybeCells binary_tangent(const Site&, Operands x, Operands t, Operands y);
MaybeCells select_tangent(const Site&, Operands x, Operands t, Operands y);
MaybeCells cast_tangent(const Site&, Operands x, Operands t, Operands y);

// shape.cpp
Values identity_value(const Site&, Operands);
Values split_value(const Site&, Operands);
Values merge_value(const Site&, Operands);
Values broadcast_value(const Site&, Operands);
Values rename_value(const Site&, Operands);
Values slice_value(const Site&, Operands);
Values pad_value(const Site&, Operands);
Values concat_value(const Site&, Operands);
Values reverse_value(const Site&, Operands);
Values order_value(const Site&, Operands);
MaybeCells pad_tangent(const Site&, Operands x, Operands t, Operands y);
MaybeCells concat_tangent(const Site&, Operands x, Operands t, Operands y);

// contract.cpp
Values dot_value(const Site&, Operands);
MaybeCells dot_tangent(const Site&, Operands x, Operands t, Operands y);

// reduce.cpp
Values sum_value(const Site&, Operands);
Values reduce_max_value(const Site&, Operands);
Values argmax_value(const Site&, Operands);
Values cumsum_value(const Site&, Operands);
MaybeCells reduce_max_tangent(const Site&, Operands x, Operands t, Operands y);

// index.cpp
Values gather_value(const Site&, Operands);
Values scatter_add_value(const Site&, Operands);
Values dynamic_slice_value(const Site&, Operands);
Values dynamic_update_value(const Site&, Operands);
Values top_k_value(const Site&, Operands);
MaybeCells gather_tangent(const Site&, Operands x, Operands t, Operands y);
MaybeCells scatter_add_tangent(const Site&, Operands x, Operands t, Operands y);
MaybeCells dynamic_slice_tangent(const Site&, Operands x, Operands t, Operands y);
MaybeCells dynamic_update_tangent(const Site&, Operands x, Operands t, Operands y);
MaybeCells top_k_tangent(const Site&, Operands x, Operands t, Operands y);

// leaves.cpp
std::vector<Dual> input_whole(const Site&, std::span<const Dual>);
std::vector<Dual> parameter_whole(const Site&, std::span<const Dual>);
Values constant_value(const Site&, Operands);
Values iota_value(const Site&, Operands);
Values random_bits_value(const Site&, Operands);

// structure.cpp
std::vector<Dual> scan_whole(const Site&, std::span<const Dual>);
std::vector<Dual> cond_whole(const Site&, std::span<const Dual>);
std::vector<Dual> call_whole(const Site&, std::span<const Dual>);

// The sum of n terms in the order that defines its bits (interpret.h). T: float or double.
template <typename T>
T ordered_sum(const T* terms, std::int64_t n);

}  // namespace uwaga::interpreter
