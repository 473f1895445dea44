#include <uwaga/ir/canonical.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/map_bodies.h>
#include <uwaga/ir/rewrite.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

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

// By counting: a graph is as deep as it is long, and few nodes share a depth.
void sort_by_depth(std::vector<NodeId>& nodes, const std::vector<std::uint32_t>& depth) {
  std::uint32_t deepest = 0;
  for (NodeId id : nodes) deepest = std::max(deepest, depth[id]);
  std::vector<std::size_t> at(deepest + 2, 0);
  for (NodeId id : nodes) ++at[depth[id] + 1];
  for (std::size_t d = 1; d < at.size(); ++d) at[d] += at[d - 1];
  std::vector<NodeId> sorted(nodes.size());
  for (NodeId id : nodes) sorted[at[depth[id]]++] = id;
  nodes = std::move(sorted);
}

std::vector<NodeId> order_of(const GraphData& g, const std::vector<Hash128>& hash, const std::vector<bool>& live) {
  const std::vector<std::uint32_t> depth = depths(g);
  std::vector<NodeId> main, preparation;
  for (NodeId id = 0; id < live.size(); ++id)
    if (live[id] && g.node(id).op != Op::input) (depth[id] == kPreparation ? preparation : main).push_back(id);
  const auto by_hash = [&](NodeId a, NodeId b) { return hash[a] != hash[b] ? hash[a] < hash[b] : a < b; };
  sort_by_depth(main, depth);
  for (std::size_t first = 0, last; first < main.size(); first = last) {
    for (last = first + 1; last < main.size() && depth[main[last]] == depth[main[first]];) ++last;
    std::sort(main.begin() + static_cast<std::ptrdiff_t>(first), main.begin() + static_cast<std::ptrdiff_t>(last), by_hash);
  }

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
  // By hash, so that the twin of a node that is used counts as what they become.
  std::unordered_set<Hash128, HashOfHash> used;
  for (NodeId id : preparation)
    for (Value v : g.node(id).operands) used.insert(hash[v.node]);
  for (NodeId id : preparation)
    if (!done[id] && !used.contains(hash[id])) roots.push_back(id);
  std::sort(roots.begin(), roots.end(), by_hash);
  for (NodeId id : roots) emit(id);
  for (NodeId id : preparation) emit(id);  // twins of what has been
  return out;
}

// The same graph, not only an equal one.
bool is_one(const Graph& a, const Graph& b) { return a && b ? &a.data() == &b.data() : !a && !b; }

// Canonical graphs of bodies, each made once.
struct Known {
  std::unordered_map<const GraphData*, Graph> graphs;
  MapBodies map_bodies;
};
Graph canonical(const Graph& graph, InputsBy inputs, Known& known);

// The bodies of nodes that become one also become one: equal node by node, being canonical. `first` takes the
// provenance of all.
Graph united(const Graph& first, const std::vector<Graph>& others) {
  Graph out = empty_like(first);
  Provenance& table = out->provenance();
  for (NodeId id = 0; id < first->nodes().size(); ++id) {
    const Node& n = first->node(id);
    std::vector<ProvenanceId> all{n.provenance};
    for (const Graph& other : others) all.push_back(table.import(other->provenance(), other->node(id).provenance));
    SharedAttributes shared = n.attributes;
    if (has_graphs(n.op)) {
      std::vector<std::vector<Graph>> inner(others.size());
      for (std::size_t i = 0; i < others.size(); ++i)
        for_each_graph(others[i]->node(id).attributes.get(), [&](const Graph& b) { inner[i].push_back(b); });
      Attributes attributes = shared;
      bool changed = false;
      std::size_t at = 0;
      for_each_graph(attributes, [&](Graph& b) {
        std::vector<Graph> same;
        for (const auto& list : inner)
          if (!is_one(list[at], b)) same.push_back(list[at]);
        if (!same.empty()) b = united(b, same), changed = true;
        ++at;
      });
      if (changed) shared = std::move(attributes);
    }
    out->add_like(first.data(), id, std::move(shared), n.operands, table.unite(all));
  }
  for (const Output& o : first->outputs()) out->add_output(o.name, o.value);
  for (const Update& u : first->updates()) out->add_update(u.path, u.value);
  return out;
}

// Which nodes are equal, by their hashes: the first of them in an order stands for all.
class Twins {
 public:
  Twins(const std::vector<NodeId>& order, const std::vector<Hash128>& hash)
      : first_(hash.size(), kNone), next_(hash.size(), kNone), last_(hash.size(), kNone) {
    std::size_t size = 16;
    while (size < 2 * order.size()) size *= 2;
    std::vector<NodeId> table(size, kNone);
    for (NodeId id : order) {
      std::size_t at = HashOfHash()(hash[id]) & (size - 1);
      while (table[at] != kNone && hash[table[at]] != hash[id]) at = (at + 1) & (size - 1);
      if (table[at] == kNone) {
        first_[id] = last_[id] = table[at] = id;
        continue;
      }
      const NodeId first = first_[id] = table[at];
      next_[last_[first]] = id;
      last_[first] = id;
      ++merged_;
    }
  }

  NodeId first(NodeId id) const { return first_[id]; }
  // The others that the first one stands for, in order.
  std::vector<NodeId> of(NodeId first) const {
    std::vector<NodeId> out;
    for (NodeId id = next_[first]; id != kNone; id = next_[id]) out.push_back(id);
    return out;
  }
  bool any() const { return merged_ > 0; }

 private:
  static constexpr NodeId kNone = 0xffffffff;
  std::vector<NodeId> first_, next_, last_;
  std::size_t merged_ = 0;
};

// Attributes that differ from the node's in the graph.
struct WithBodies {
  const GraphData& graph;
  std::unordered_map<NodeId, SharedAttributes> changed;
  const SharedAttributes& at(NodeId id) const {
    const auto it = changed.find(id);
    return it != changed.end() ? it->second : graph.node(id).attributes;
  }
};

// Those of one node with the bodies of its twins united with its own.
SharedAttributes united_bodies(const SharedAttributes& mine, const std::vector<NodeId>& twins, const WithBodies& attributes) {
  Attributes out = mine;
  std::size_t at = 0;
  bool changed = false;
  for_each_graph(out, [&](Graph& b) {
    std::vector<Graph> others;
    for (NodeId twin : twins) {
      std::size_t i = 0;
      for_each_graph(attributes.at(twin).get(), [&](const Graph& o) {
        if (i++ == at && !is_one(o, b)) others.push_back(o);
      });
    }
    if (!others.empty()) b = united(b, others), changed = true;
    ++at;
  });
  return changed ? SharedAttributes(std::move(out)) : mine;
}

Graph canonical_anew(const Graph& graph, InputsBy inputs, Known& known) {
  const GraphData& g = graph.data();
  const std::vector<Hash128> hash = node_hashes(graph, inputs);
  const std::vector<NodeId> order = order_of(g, hash, live_nodes(graph));

  const Twins twins(order, hash);
  bool changed = order.size() != g.nodes().size() || twins.any();
  for (std::size_t i = 0; !changed && i < order.size(); ++i) changed = order[i] != i;
  for (std::size_t i = 1; !changed && i < g.updates().size(); ++i)
    changed = g.updates()[i].path < g.updates()[i - 1].path;
  WithBodies with_bodies{g, {}};
  for (NodeId id : order)
    // What a parameter starts as is no part of what runs: it stays as it was written.
    if (has_graphs(g.node(id).op) && g.node(id).op != Op::parameter) {
      const SharedAttributes& attributes = g.node(id).attributes;
      SharedAttributes now = known.map_bodies(attributes, [&](const Graph& b) { return canonical(b, InputsBy::position, known); });
      if (now.shares(attributes)) continue;
      with_bodies.changed.emplace(id, std::move(now));
      changed = true;
    }
  if (!changed) return graph;

  Graph out = empty_like(graph);
  Provenance& table = out->provenance();
  std::vector<NodeId> now(g.nodes().size());
  for (NodeId id : order) {
    const Node& n = g.node(id);
    if (twins.first(id) != id) {
      now[id] = now[twins.first(id)];
      continue;
    }
    ProvenanceId provenance = n.provenance;
    SharedAttributes attributes = with_bodies.at(id);
    if (const std::vector<NodeId> same = twins.of(id); !same.empty()) {
      std::vector<ProvenanceId> all{provenance};
      for (NodeId twin : same) all.push_back(g.node(twin).provenance);
      provenance = table.unite(all);
      if (has_graphs(n.op)) attributes = united_bodies(attributes, same, with_bodies);
    }
    ValueList operands = n.operands;
    for (Value& v : operands) v.node = now[v.node];
    now[id] = out->add_like(g, id, std::move(attributes), std::move(operands), provenance);
  }
  for (const Output& o : g.outputs()) out->add_output(o.name, {now[o.value.node], o.value.output});
  std::vector<Update> updates = g.updates();
  std::sort(updates.begin(), updates.end(), [](const Update& a, const Update& b) { return a.path < b.path; });
  for (const Update& u : updates) out->add_update(u.path, {now[u.value.node], u.value.output});
  return out;
}

Graph canonical(const Graph& graph, InputsBy inputs, Known& known) {
  if (const auto it = known.graphs.find(&graph.data()); it != known.graphs.end()) return it->second;
  Graph c = canonical_anew(graph, inputs, known);
  known.graphs[&graph.data()] = c;
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
