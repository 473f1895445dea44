#include <fmt/format.h>
#include <uwaga/autodiff/internal/min_cut.h>
#include <uwaga/autodiff/rematerialise.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/rewrite.h>

#include <algorithm>
#include <map>

namespace uwaga {
namespace {

// How dear an op is to compute again.
enum class Cost { free, elementwise, reduction, contraction };

Cost cost_of(const Node& n) {
  switch (n.op) {
    case Op::input:
    case Op::parameter:
    case Op::constant:
    case Op::iota:
      return Cost::free;
    case Op::dot:
    case Op::scan:
    case Op::cond:
      return Cost::contraction;
    case Op::sum:
    case Op::reduce_max:
    case Op::argmax:
    case Op::cumsum:
    case Op::gather:
    case Op::scatter_add:
    case Op::top_k:
      return Cost::reduction;
    case Op::call: {
      Cost most = Cost::reduction;
      for (const Node& inner : n.as<CallAttrs>().body->nodes()) most = std::max(most, cost_of(inner));
      return most;
    }
    default:
      return Cost::elementwise;
  }
}

class Rematerialiser {
 public:
  Rematerialiser(const Graph& graph, const RematerialiseOptions& options)
      : graph_(graph), g_(graph_.data()), options_(options) {
    const std::vector<bool> live = live_nodes(graph_);
    const std::size_t size = g_.nodes().size();
    late_.assign(size, true);
    cost_.resize(size);
    for (NodeId id = 0; id < size; ++id) {
      const Node& n = g_.node(id);
      cost_[id] = cost_of(n);
      for (const Origin& o : g_.provenance().origins(n.provenance)) late_[id] = late_[id] && o.role != Role::forward;
      if (cost_[id] == Cost::free) late_[id] = false;
      for (Value v : n.operands) late_[id] = late_[id] || late_[v.node];
      if (live[id] && late_[id])
        for (Value v : n.operands)
          if (!late_[v.node]) read_.try_emplace(v, 0);
    }
    // All forward values from which these are computed.
    values_ = read_;
    for (NodeId id = static_cast<NodeId>(size); id-- > 0;) {
      const Node& n = g_.node(id);
      bool needed = false;
      for (std::uint32_t o = 0; o < n.types.size(); ++o) needed = needed || values_.contains(Value{id, o});
      if (needed)
        for (Value v : n.operands) values_.try_emplace(v, 0);
    }
    std::size_t next = 0;
    for (auto& [v, at] : values_) at = next++;
  }

  Rematerialised run() {
    Rematerialised out{graph_, 0, 0, 0, {}};
    for (const auto& [v, at] : read_) out.bytes_before += bytes(v);
    out.bytes_after = out.bytes_before;
    if (out.bytes_before <= options_.budget) return out;
    autodiff::Cut best;
    for (Cost level : {Cost::elementwise, Cost::reduction, Cost::contraction}) {
      best = cut(level);
      level_ = level;
      if (best.capacity <= options_.budget) break;
    }
    if (best.capacity >= out.bytes_before) return out;
    out.bytes_after = best.capacity;
    rewrite(best, out);
    return out;
  }

 private:
  std::int64_t bytes(Value v) const {
    if (cost_[v.node] == Cost::free) return 0;
    const Type& t = g_.type(v);
    return t.elements().evaluate(options_.sizes) * static_cast<std::int64_t>(size_of(t.dtype));
  }

  autodiff::Cut cut(Cost recomputable) const {
    autodiff::Network network;
    for (const auto& [v, at] : values_) {
      network.capacity.push_back(bytes(v));
      if (cost_[v.node] == Cost::free || cost_[v.node] > recomputable || g_.node(v.node).operands.empty())
        network.sources.push_back(at);
      for (Value u : g_.node(v.node).operands) network.arcs.emplace_back(values_.at(u), at);
    }
    for (const auto& [v, at] : read_) network.sinks.push_back(values_.at(v));
    return autodiff::min_vertex_cut(network);
  }

  void rewrite(const autodiff::Cut& cut, Rematerialised& out) {
    Rewriter r(graph_);
    std::map<Value, Value> tagged, again;
    const auto kept = [&](Value v) { return cost_[v.node] == Cost::free || cut.cut[values_.at(v)]; };
    const auto add_like = [&](NodeId id, Op op, Attributes a, std::vector<Value> operands) {
      return r.to().add(op, std::move(a), std::move(operands),
                        r.to().provenance().with_role(g_.node(id).provenance, Role::pass));
    };
    const auto through_tag = [&](Value v) {
      auto [it, fresh] = tagged.try_emplace(v);
      if (fresh) it->second = {add_like(v.node, Op::tag, TagAttrs{kRematerialised}, {r.now(v)}), 0};
      return it->second;
    };
    // The value computed again, with all it needs; forward nodes come before their users, so the recursion is replaced
    // by a walk in order.
    const auto recompute = [&](Value wanted) {
      std::map<NodeId, bool> needed;
      std::vector<NodeId> todo{wanted.node};
      while (!todo.empty()) {
        const NodeId id = todo.back();
        todo.pop_back();
        if (again.contains(Value{id, 0}) || !needed.emplace(id, true).second) continue;
        for (Value v : g_.node(id).operands)
          if (!kept(v)) todo.push_back(v.node);
      }
      for (const auto& [id, yes] : needed) {
        const Node& n = g_.node(id);
        std::vector<Value> operands;
        for (Value v : n.operands) operands.push_back(kept(v) ? through_tag(v) : again.at(v));
        const NodeId copy = add_like(id, n.op, n.attributes, std::move(operands));
        for (std::uint32_t o = 0; o < n.types.size(); ++o) again[{id, o}] = {copy, o};
        ++out.recomputed;
      }
      return again.at(wanted);
    };
    r.walk([&](Rewriter&, NodeId id) {
      const Node& n = g_.node(id);
      if (!late_[id]) return false;
      std::vector<Value> operands;
      for (Value v : n.operands)
        operands.push_back(late_[v.node] || !read_.contains(v) || kept(v) ? r.now(v) : recompute(v));
      r.copy(id, n.attributes, std::move(operands));
      return true;
    });
    for (const auto& [v, at] : values_)
      if (cut.cut[at] && cost_[v.node] != Cost::free)
        out.kept.push_back(
            {r.now(v), bytes(v),
             fmt::format("{}: {}", g_.provenance().brief(g_.node(v.node).provenance),
                         cost_[v.node] > level_
                             ? fmt::format("{} is not computed again within this budget", name(g_.node(v.node).op))
                             : "the fewest bytes from which the rest is computed again")});
    out.graph = r.finish();
  }

  Graph graph_;
  const GraphData& g_;
  const RematerialiseOptions& options_;
  std::vector<bool> late_;  // computed for derivatives, or from what is
  std::vector<Cost> cost_;
  std::map<Value, std::size_t> read_;    // forward values that late nodes read
  std::map<Value, std::size_t> values_;  // and what they are computed from, numbered
  Cost level_ = Cost::elementwise;
};

}  // namespace

Rematerialised rematerialise(const Graph& graph, const RematerialiseOptions& options) {
  return Rematerialiser(graph, options).run();
}

}  // namespace uwaga
