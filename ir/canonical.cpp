#include <uwaga/ir/canonical.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/rewrite.h>

#include <algorithm>
#include <unordered_map>

namespace uwaga {
namespace {

constexpr std::uint32_t kPreparation = 0;  // depends on no input

// Longest path from an input, counted from 1.
std::vector<std::uint32_t> depths(const GraphData& g) {
  std::vector<std::uint32_t> depth(g.nodes().size(), kPreparation);
  for (std::size_t id = 0; id < depth.size(); ++id) {
    const Node& n = g.nodes()[id];
    if (n.op == Op::input) depth[id] = 1;
    for (Value v : n.operands)
      if (depth[v.node] != kPreparation) depth[id] = std::max(depth[id], depth[v.node] + 1);
  }
  return depth;
}

std::vector<NodeId> order_of(const GraphData& g, const std::vector<Hash128>& hash, const std::vector<bool>& live) {
  const std::vector<std::uint32_t> depth = depths(g);
  std::vector<NodeId> main, preparation;
  for (NodeId id = 0; id < live.size(); ++id)
    if (live[id] && g.node(id).op != Op::input) (depth[id] == kPreparation ? preparation : main).push_back(id);
  const auto by_hash = [&](NodeId a, NodeId b) { return hash[a] != hash[b] ? hash[a] < hash[b] : a < b; };
  std::sort(main.begin(), main.end(),
            [&](NodeId a, NodeId b) { return depth[a] != depth[b] ? depth[a] < depth[b] : by_hash(a, b); });

  std::vector<NodeId> out = g.inputs();
  std::vector<bool> done(live.size(), false);
  for (NodeId id : out) done[id] = true;
  std::vector<std::pair<NodeId, std::size_t>> stack;
  // The preparation that a node needs, depth first in the order of operands, and the node itself.
  const auto emit = [&](NodeId root) {
    if (done[root]) return;
    done[root] = true;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      const auto& operands = g.node(id).operands;
      if (next == operands.size()) {
        out.push_back(id);
        stack.pop_back();
        continue;
      }
      const NodeId needed = operands[next++].node;
      if (!done[needed]) {
        done[needed] = true;
        stack.push_back({needed, 0});
      }
    }
  };
  for (NodeId id : main) emit(id);
  // What only preparation needs: outputs and updates that depend on no input.
  std::vector<NodeId> roots;
  std::vector<bool> used(live.size(), false);
  for (NodeId id : preparation)
    for (Value v : g.node(id).operands) used[v.node] = true;
  for (NodeId id : preparation)
    if (!used[id] && !done[id]) roots.push_back(id);
  std::sort(roots.begin(), roots.end(), by_hash);
  for (NodeId id : roots) emit(id);
  return out;
}

// The same graph, not only an equal one.
bool is_one(const Graph& a, const Graph& b) { return a && b ? &a.data() == &b.data() : !a && !b; }

// Canonical graphs of bodies, each made once.
using Known = std::unordered_map<const GraphData*, Graph>;
Graph canonical(const Graph& graph, InputsBy inputs, Known& known);

// The bodies of nodes that become one also become one: equal node by node, being canonical. `first` takes the
// provenance of all.
Graph united(const Graph& first, const std::vector<Graph>& others) {
  Graph out = empty_like(first);
  Provenance& table = out->provenance();
  for (NodeId id = 0; id < first->nodes().size(); ++id) {
    const Node& n = first->node(id);
    ProvenanceId provenance = n.provenance;
    Attributes attributes = n.attributes;
    for (const Graph& other : others)
      provenance = table.unite(provenance, table.import(other->provenance(), other->node(id).provenance));
    if (has_graphs(n.op)) {
      std::vector<std::vector<Graph>> inner(others.size());
      for (std::size_t i = 0; i < others.size(); ++i)
        for_each_graph(others[i]->node(id).attributes, [&](const Graph& b) { inner[i].push_back(b); });
      std::size_t at = 0;
      for_each_graph(attributes, [&](Graph& b) {
        std::vector<Graph> same;
        for (const auto& list : inner)
          if (!is_one(list[at], b)) same.push_back(list[at]);
        if (!same.empty()) b = united(b, same);
        ++at;
      });
    }
    out->add(n.op, std::move(attributes), n.operands, provenance);
  }
  for (const Output& o : first->outputs()) out->add_output(o.name, o.value);
  for (const Update& u : first->updates()) out->add_update(u.path, u.value);
  return out;
}

// Attributes with canonical graphs inside; says whether any changed.
bool canonical_graphs(Attributes& attributes, Known& known) {
  bool changed = false;
  for_each_graph(attributes, [&](Graph& b) {
    if (!b) return;
    const Graph c = canonical(b, InputsBy::position, known);
    changed = changed || !is_one(c, b);
    b = c;
  });
  return changed;
}

Graph canonical_anew(const Graph& graph, InputsBy inputs, Known& known) {
  const GraphData& g = graph.data();
  const std::vector<Hash128> hash = node_hashes(graph, inputs);
  const std::vector<NodeId> order = order_of(g, hash, live_nodes(graph));

  // The first of equal nodes stands for all.
  std::unordered_map<Hash128, NodeId, HashOfHash> first;
  first.reserve(order.size());
  std::unordered_map<NodeId, std::vector<NodeId>> twins;
  for (NodeId id : order) {
    const auto [it, fresh] = first.try_emplace(hash[id], id);
    if (!fresh) twins[it->second].push_back(id);
  }
  bool changed = order.size() != g.nodes().size() || !twins.empty();
  for (std::size_t i = 0; !changed && i < order.size(); ++i) changed = order[i] != i;
  for (std::size_t i = 1; !changed && i < g.updates().size(); ++i)
    changed = g.updates()[i].path < g.updates()[i - 1].path;
  std::unordered_map<NodeId, Attributes> with_bodies;
  for (NodeId id : order)
    if (has_graphs(g.node(id).op)) {
      Attributes a = g.node(id).attributes;
      changed = canonical_graphs(a, known) || changed;
      with_bodies.emplace(id, std::move(a));
    }
  if (!changed) return graph;

  Graph out = empty_like(graph);
  Provenance& table = out->provenance();
  std::vector<NodeId> now(g.nodes().size());
  for (NodeId id : order) {
    const Node& n = g.node(id);
    const NodeId standing = first.at(hash[id]);
    if (standing != id) {
      now[id] = now[standing];
      continue;
    }
    ProvenanceId provenance = n.provenance;
    const auto bodies = with_bodies.find(id);
    Attributes attributes = bodies != with_bodies.end() ? bodies->second : n.attributes;
    if (const auto same = twins.find(id); same != twins.end()) {
      for (NodeId twin : same->second) provenance = table.unite(provenance, g.node(twin).provenance);
      std::size_t at = 0;
      if (bodies != with_bodies.end())
        for_each_graph(attributes, [&](Graph& b) {
          std::vector<Graph> others;
          for (NodeId twin : same->second) {
            std::size_t i = 0;
            for_each_graph(with_bodies.at(twin), [&](const Graph& o) {
              if (i++ == at && !is_one(o, b)) others.push_back(o);
            });
          }
          if (!others.empty()) b = united(b, others);
          ++at;
        });
    }
    std::vector<Value> operands;
    operands.reserve(n.operands.size());
    for (Value v : n.operands) operands.push_back({now[v.node], v.output});
    now[id] = out->add(n.op, std::move(attributes), std::move(operands), provenance);
  }
  for (const Output& o : g.outputs()) out->add_output(o.name, {now[o.value.node], o.value.output});
  std::vector<Update> updates = g.updates();
  std::sort(updates.begin(), updates.end(), [](const Update& a, const Update& b) { return a.path < b.path; });
  for (const Update& u : updates) out->add_update(u.path, {now[u.value.node], u.value.output});
  return out;
}

Graph canonical(const Graph& graph, InputsBy inputs, Known& known) {
  if (const auto it = known.find(&graph.data()); it != known.end()) return it->second;
  Graph c = canonical_anew(graph, inputs, known);
  known[&graph.data()] = c;
  return c;
}

}  // namespace

std::vector<NodeId> canonical_order(const Graph& graph, InputsBy inputs) {
  return order_of(graph.data(), node_hashes(graph, inputs), live_nodes(graph));
}

Graph canonicalise(const Graph& graph, InputsBy inputs) {
  Known known;
  return canonical(graph, inputs, known);
}

}  // namespace uwaga
