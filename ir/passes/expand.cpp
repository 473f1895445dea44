// Dead code, equal code, and calls written out.
#include <uwaga/ir/canonical.h>
#include <uwaga/ir/map_bodies.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/rewrite.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace uwaga {
namespace {

class Expander {
 public:
  Expander(const std::function<bool(const CallAttrs&)>& keep, const std::function<Graph(const Graph&)>& prepare) : keep_(keep), prepare_(prepare) {}

  // The graph itself where nothing in it is expanded.
  Graph graph(const Graph& from) {
    if (const auto it = known_.find(&from.data()); it != known_.end()) return it->second;
    const auto& nodes = from->nodes();
    if (std::none_of(nodes.begin(), nodes.end(), [](const Node& n) { return n.op == Op::call || n.op == Op::scan || n.op == Op::cond; }))
      return known_[&from.data()] = from;
    bool changed = false;
    Graph out = rewrite(from, [&](Rewriter& r, NodeId id) {
      const Node& n = r.from().node(id);
      if (n.op == Op::call && !keeps(n)) {
        std::vector<Value> operands;
        for (Value v : n.operands) operands.push_back(r.now(v));
        // The body is expanded first, so that nothing is left to expand in what is written.
        const std::vector<Value> outputs = inline_body(r.to(), body(n.as<CallAttrs>().body), operands, n.provenance);
        for (std::uint32_t i = 0; i < outputs.size(); ++i) r.map({id, i}, outputs[i]);
        return changed = true;
      }
      if (n.op != Op::call && n.op != Op::scan && n.op != Op::cond) return false;
      const Graph* kept = n.op == Op::call ? &n.as<CallAttrs>().body : nullptr;
      SharedAttributes now = map_bodies_(n.attributes, [&](const Graph& b) {
        if (!kept) return graph(b);
        return prepare_ && &b.data() == &kept->data() ? prepared(b) : b;  // graphs among a call's options stay
      });
      if (now.shares(n.attributes)) return false;
      ValueList operands = n.operands;
      for (Value& v : operands) v = r.now(v);
      r.copy(id, std::move(now), std::move(operands));
      return changed = true;
    });
    if (!changed) out = from;
    known_[&from.data()] = out;
    return out;
  }

 private:
  Graph body(const Graph& from) { return prepare_ ? prepared(graph(from)) : graph(from); }
  Graph prepared(const Graph& body) {
    if (const auto it = prepared_.find(&body.data()); it != prepared_.end()) return it->second;
    return prepared_[&body.data()] = prepare_(body);
  }
  bool keeps(const Node& n) const { return keep_ && keep_(n.as<CallAttrs>()); }

  const std::function<bool(const CallAttrs&)>& keep_;
  const std::function<Graph(const Graph&)>& prepare_;
  std::unordered_map<const GraphData*, Graph> known_, prepared_;
  MapBodies map_bodies_;
};

// Outputs with their axes in the order they had: a body computes in that of its own inputs.
Graph ordered_as(Graph now, const Graph& before) {
  std::vector<Output> outputs = now->outputs();
  bool differ = false;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Type &have = now->type(outputs[i].value), &was = before->type(before->outputs()[i].value);
    const AxisNames want = was.axes();
    if (have.axes() == want || !same_type(have, was)) continue;
    if (!std::exchange(differ, true)) now = Graph(std::make_shared<GraphData>(now.data()));
    outputs[i].value = {now->add(Op::order, OrderAttrs{want}, {outputs[i].value}, now->node(outputs[i].value.node).provenance), 0};
  }
  if (differ) now->set_outputs(std::move(outputs));
  return now;
}

}  // namespace

Graph expand(const Graph& graph, const std::function<bool(const CallAttrs&)>& keep, const std::function<Graph(const Graph&)>& prepare) {
  return ordered_as(Expander(keep, prepare).graph(graph), graph);
}

Graph cse(const Graph& graph) { return canonicalise(graph); }

Graph dce(const Graph& graph) {
  const std::vector<bool> live = live_nodes(graph);
  if (std::find(live.begin(), live.end(), false) == live.end()) return graph;
  return rewrite(graph, [&](Rewriter&, NodeId id) { return !live[id]; });
}

}  // namespace uwaga
