// Inlining: the value of a graph's tensor at given indices, as one kernel expression.
//
//   Inline x(b, graph, cluster, layouts, scheduled);        // b: KernelBuilder; scheduled receives buffers and arguments
//   const Ex row = b.grid(x.extent(rows));
//   IndexEnv at{{{"batch", Index::scalar(row)}, {"model", Index::ramp(i, 8, 8)}}};
//   x.store(v, at, x.value(v, at));
//
// value() pulls: it asks the node's lowering row (table.h), which asks for its operands at mapped indices, down to what is
// stored and is loaded. Nodes of the cluster are computed, everything else is loaded from a buffer. A schedule may say
// that a node's value is available by other means (an accumulator, a row buffer) with define(); it must do so for dot and
// for reductions, which have no inline form.
//
// Values travel in their computing dtype: f32 for bf16 and f16 (rounded to them once a node), their own for all others. A
// value has one lane where none of its own indices has more. Where a mask is given, lanes in which it is false hold
// anything, but read nothing out of bounds and never fail.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <uwaga/codegen/lower/index.h>
#include <uwaga/codegen/schedule.h>

namespace uwaga::kernel {

// Where a value is wanted: an index for each of its axes (others are ignored).
struct IndexEnv {
  std::map<std::string, Index> axes;
  Ex mask = {};  // boolean, scalar or lanes: indices are in range where it is true; absent: everywhere

  const Index& at(const std::string& axis) const;  // InternalError if absent
  IndexEnv with(const std::string& axis, Index index) const;
  IndexEnv masked(Ex condition) const;  // and-ed with `condition`
};

// f32 for narrow floats, else the dtype itself.
constexpr DType computing(DType d) { return d == DType::bf16 || d == DType::f16 ? DType::f32 : d; }

class Inline {
 public:
  // Nodes of `cluster` are computed; of all other nodes values are loaded.
  Inline(KernelBuilder& b, const Graph& graph, const Cluster& cluster, const Layouts& layouts, ScheduledKernel& out);
  Inline(const Inline&) = delete;
  Inline& operator=(const Inline&) = delete;

  // ---- values
  Ex value(Value v, const IndexEnv& env);
  // The same, computed where the builder stands: for what the loops that follow use unchanged.
  Ex hoist(Value v, const IndexEnv& env);
  // From here on every op that costs something is a statement of its own, with the op's ordinal, not only what is used twice.
  void let_every_op() { let_every_op_ = true; }
  // From here on whole vectors of values that are read much later are stored past the caches.
  void stream_cold() { streams_cold_ = true; }
  // From here on extents are arguments, constants but 1 too: one kernel serves every size.
  void let_sizes_be_arguments() { sizes_are_arguments_ = true; }
  // These nodes are computed too, though not the cluster's: their ordinals come after its own.
  void compute_too(const std::vector<NodeId>& nodes);
  // `v` is not computed by its row, but by `how`, in the computing dtype.
  using Definition = std::function<Ex(const IndexEnv&)>;
  void define(Value v, Definition how);
  void undefine(Value v) { definitions_.erase(v); }
  // Stores a value of the computing dtype: rounds it to the dtype of `v` and writes it where `env` points.
  void store(Value v, const IndexEnv& env, Ex x);
  // Loads `v` from its buffer, whether the cluster computes it or not.
  Ex load(Value v, const IndexEnv& env);

  // ---- what kernels are launched with
  Ex extent(const Extent& e);                 // i64 scalar: a constant, or an argument shared by equal extents
  Ex size(const Extent& e);                   // the same, always an argument: one kernel serves every size
  Ex literal(const Literal& value, DType d);  // of the computing dtype: a constant, or an argument
  Ex number(std::int64_t value);              // i64: always an argument (keys of random numbers)
  BufferId buffer(Value v, bool written);     // of a stored value; the same id every time
  BufferId temporary(DType dtype, std::uint32_t number, bool written);  // Value{kTemporary, number}
  // Elements between neighbours along an axis of a stored value.
  Ex stride(Value v, const std::string& axis);
  // The element of a stored value's buffer that `env` points to.
  Index address(Value v, const IndexEnv& env);

  // ---- where it stands
  // Statements in a block of their own. What is computed inside is forgotten at its end, so use these instead of the
  // builder's own loop and branch around calls of value().
  void loop(Ex begin, Ex end, std::int64_t step, const std::function<void(Ex)>& body);
  void branch(Ex condition, const std::function<void()>& then, const std::function<void()>& otherwise = {});

  KernelBuilder& builder() { return b_; }
  const GraphData& graph() const { return *graph_; }
  const Layouts& layouts() const { return layouts_; }
  const Cluster& cluster() const { return cluster_; }
  bool computes(NodeId node) const { return ordinals_.contains(node); }

  // ---- for lowering rows
  Ex operand(const Node& node, int i, const IndexEnv& env) { return value(node.operands[static_cast<std::size_t>(i)], env); }
  // x as a value of dtype d: rounded where d is narrow.
  Ex rounded(Ex x, DType d);
  // What is written from here on is this node's, where it is one of the cluster.
  void at(NodeId node);
  // Sets the program's error word where `condition` holds and the mask does too.
  void fail(Ex condition, Ex index, const IndexEnv& env);

 private:
  using Key = std::vector<std::uint64_t>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  Key key(Value v, const IndexEnv& env, bool masked) const;
  bool scalar_at(Value v, const IndexEnv& env) const;
  void nested(const std::function<void()>& body);
  void own(NodeId node);

  KernelBuilder& b_;
  const GraphData* graph_;
  const Cluster& cluster_;
  const Layouts& layouts_;
  ScheduledKernel& out_;
  std::unordered_map<NodeId, Ordinal> ordinals_;
  int depth_ = 0;  // of rows under way
  bool let_every_op_ = false, sizes_are_arguments_ = false, streams_cold_ = false;
  std::unordered_map<NodeId, int> users_;  // in the cluster
  std::map<Value, Definition> definitions_;
  std::map<Value, BufferId> buffers_;
  std::map<Extent, Ex> extents_;
  std::vector<std::pair<std::pair<Literal, DType>, Ex>> literals_;
  std::vector<std::unordered_map<Key, Ex, KeyHash>> known_;  // one map a block that is open
};

}  // namespace uwaga::kernel
