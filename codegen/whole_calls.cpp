#include <uwaga/codegen/whole_calls.h>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include <uwaga/codegen/custom_kernel.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {
namespace {

bool is_elementwise_body(const GraphData& body, const Type& space) {
  const auto fits = [&](const Node& n) {
    const Type& t = n.types[0];
    switch (n.op) {
      case Op::constant:
        if (n.as<ConstantAttrs>().values.size() != 1) return false;
        break;
      case Op::input: case Op::broadcast: case Op::order: case Op::stop_gradient: case Op::tag: break;
      default:
        if (!is_elementwise(n.op)) return false;
    }
    return t.rank() == 0 || same_axes(t, space);
  };
  return std::all_of(body.nodes().begin(), body.nodes().end(), fits) &&
         std::all_of(body.outputs().begin(), body.outputs().end(), [&](const Output& o) { return same_axes(body.type(o.value), space); });
}

// The cluster's nodes in a graph of their own.
class WrittenOut {
 public:
  WrittenOut(const Graph& graph, const Cluster& cluster, const Layouts& layouts) : from_(graph.data()), graph_(empty_like(graph)) {
    for (const Value& v : cluster.inputs) leaf(v);
    for (std::size_t i = 0; i < cluster.nodes.size(); ++i) node(cluster.nodes[i], i);
    cluster_.kind = cluster.kind;
    for (const Value& v : cluster.inputs) cluster_.inputs.push_back(lay(v, now_.at(v), layouts));
    for (const Value& v : cluster.outputs) cluster_.outputs.push_back(lay(v, output(v), layouts));
    walk();
  }

  Schedule schedule(const WriteCluster& write) const {
    Schedule s = write(graph_, cluster_, layouts_);
    for (ScheduledKernel& k : s.kernels) {
      for (Value& v : k.buffers)
        if (v.node != kTemporary) v = before_.at(v);
      if (k.nodes.empty()) k.nodes = nodes_;
      else for (std::size_t& node : k.nodes) node = nodes_[node];
    }
    if (s.copied) s.copied = before_.at(*s.copied);
    return s;
  }

 private:
  // What is stored before: a leaf as it is, anything else an input.
  void leaf(Value v) {
    const Node& n = from_.node(v.node);
    const bool is_leaf = n.op == Op::input || n.op == Op::parameter || n.op == Op::constant;
    const NodeId id = is_leaf ? graph_->add_like(from_, v.node, n.attributes, {}, n.provenance)
                              : graph_->add(Op::input, InputAttrs{fmt::format("%{}.{}", v.node, v.output), from_.type(v)}, {}, n.provenance);
    now_[v] = {id, 0};
  }

  void node(NodeId id, std::size_t position) {
    const Node& n = from_.node(id);
    positions_[id] = position;
    std::vector<Value> operands;
    for (const Value& v : n.operands) operands.push_back(now_.at(v));
    const auto first = static_cast<NodeId>(graph_->size());
    if (is_whole_call(n)) {
      check_internal(is_elementwise_call(n), "a call that is not elementwise is left in a graph to be compiled");
      const std::vector<Value> outputs = inline_body(graph_.data(), n.as<CallAttrs>().body, operands, n.provenance);
      for (std::uint32_t i = 0; i < outputs.size(); ++i) now_[{id, i}] = outputs[i];
    } else {
      const NodeId copy = graph_->add_like(from_, id, n.attributes, operands, n.provenance);
      for (std::uint32_t i = 0; i < n.types.size(); ++i) now_[{id, i}] = {copy, i};
    }
    own(first, position);
  }
  // The nodes added from `first` on belong to the cluster's node at `position`.
  void own(NodeId first, std::size_t position) {
    for (auto id = first; id < static_cast<NodeId>(graph_->size()); ++id) {
      cluster_.nodes.push_back(id);
      nodes_.push_back(position);
    }
  }

  // The nodes in the order in which a walk from the outputs meets them, as those of other clusters (cluster_order.h): a body's
  // own order differs with the types it was written for.
  void walk() {
    std::map<NodeId, std::size_t> unmet;
    for (std::size_t i = 0; i < cluster_.nodes.size(); ++i) unmet[cluster_.nodes[i]] = nodes_[i];
    cluster_.nodes.clear();
    nodes_.clear();
    const std::function<void(NodeId)> visit = [&](NodeId id) {
      const auto node = unmet.extract(id);
      if (!node) return;
      for (const Value& v : graph_->node(id).operands) visit(v.node);
      cluster_.nodes.push_back(id);
      nodes_.push_back(node.mapped());
    };
    for (const Value& v : cluster_.outputs) visit(v.node);
    while (!unmet.empty()) visit(unmet.begin()->first);
  }

  // A value of the cluster's own, and another for every output: simplified bodies may hand out an operand, or one value twice.
  Value output(Value v) {
    const Value now = now_.at(v);
    const bool computed = std::find(cluster_.nodes.begin(), cluster_.nodes.end(), now.node) != cluster_.nodes.end();
    if (computed && !before_.contains(now)) return now;
    const auto first = static_cast<NodeId>(graph_->size());
    const NodeId copy = graph_->add(Op::order, OrderAttrs{graph_->type(now).axes()}, {now}, from_.node(v.node).provenance);
    own(first, positions_.at(v.node));
    return {copy, 0};
  }

  Value lay(Value v, Value now, const Layouts& layouts) {
    before_[now] = v;
    if (const auto it = layouts.find(v); it != layouts.end()) layouts_[now] = it->second;
    return now;
  }

  const GraphData& from_;
  Graph graph_;
  Cluster cluster_;
  Layouts layouts_;
  std::map<Value, Value> now_, before_;
  std::vector<std::size_t> nodes_;  // by ordinal
  std::map<NodeId, std::size_t> positions_;
};

}  // namespace

bool is_elementwise_call(const Node& node) {
  if (node.op != Op::call || node.types.empty()) return false;
  const auto& call = node.as<CallAttrs>();
  return is_whole_call(node) && is_elementwise_body(call.body.data(), node.types[0]);
}

bool is_whole_call(const Node& node) {
  if (node.op != Op::call) return false;
  const auto& call = node.as<CallAttrs>();
  return !has_own_kernel(call) && !call.composite->name.starts_with("attention");
}

WholeCalls find_whole_calls(const Graph& graph) {
  const GraphData& g = graph.data();
  WholeCalls out;
  std::unordered_set<const GraphData*> refused, seen;
  const auto refuse = [&](const Node& n) {
    if (n.op == Op::call) refused.insert(&n.as<CallAttrs>().body.data());
  };
  // A body that a call somewhere inside shares is not kept there.
  const std::function<void(const GraphData&)> refuse_inside = [&](const GraphData& inner) {
    if (!seen.insert(&inner).second) return;
    for (const Node& n : inner.nodes()) {
      refuse(n);
      if (has_graphs(n.op)) for_each_graph(n.attributes.get(), [&](const Graph& b) { if (b) refuse_inside(b.data()); });
    }
  };
  for (const Node& n : g.nodes()) {
    for (const Value& v : n.operands) refuse(g.node(v.node));
    if (n.op == Op::scan || n.op == Op::cond) for_each_graph(n.attributes.get(), [&](const Graph& b) { refuse_inside(b.data()); });
  }
  for (const Node& n : g.nodes()) {
    if (n.op != Op::call) continue;
    const GraphData* const body = &n.as<CallAttrs>().body.data();
    if (out.bodies.contains(body) || refused.contains(body)) continue;
    if (is_elementwise_call(n)) out.bodies.insert(body);
    else refused.insert(body);
  }
  return out;
}

Schedule with_calls_written(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const WriteCluster& write) {
  const GraphData& g = graph.data();
  if (std::none_of(cluster.nodes.begin(), cluster.nodes.end(), [&](NodeId id) { return is_whole_call(g.node(id)); }))
    return write(graph, cluster, layouts);
  return WrittenOut(graph, cluster, layouts).schedule(write);
}

}  // namespace uwaga
