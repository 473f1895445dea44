#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/fuse/cluster_dag.h>
#include <uwaga/codegen/fuse/groups.h>
#include <uwaga/codegen/fuse/reads.h>
#include <uwaga/codegen/fuse/silent.h>

namespace uwaga {

std::string_view name(ClusterKind kind) {
  switch (kind) {
    case ClusterKind::loop: return "loop";
    case ClusterKind::contraction: return "contraction";
    case ClusterKind::attention: return "attention";
    case ClusterKind::index: return "index";
    case ClusterKind::structure: return "structure";
  }
  return "?";
}

namespace {

// More stored values than this in one cluster cost more in pointers and cache ways than a pass over memory.
constexpr std::size_t kMostValues = 32;

class Fuser {
 public:
  Fuser(const GraphData& graph, bool tell) : graph_(graph), tell_(tell), reads_(graph), group_(graph.nodes().size(), -1), readers_(graph.nodes().size()) {}

  Clustering run() {
    for (NodeId id = 0; id < graph_.nodes().size(); ++id)
      if (is_real(id))
        for (const Read& r : reads_.of(id)) readers_[r.value.node].push_back(id);
    for (const Output& o : graph_.outputs()) border_.insert(o.value);
    for (const Update& u : graph_.updates()) border_.insert(u.value);
    for (NodeId id = 0; id < graph_.nodes().size(); ++id)
      if (is_real(id)) place(id);
    return collect();
  }

 private:
  bool is_leaf(NodeId id) const {
    const Node& n = graph_.node(id);
    return n.op == Op::input || n.op == Op::parameter || (n.op == Op::constant && n.as<ConstantAttrs>().values.size() > 1);
  }
  bool is_real(NodeId id) const { return reads_.live(id) && !reads_.is_virtual(id) && !is_leaf(id); }
  Group& group(NodeId id) { return groups_[static_cast<std::size_t>(dag_.find(group_[id]))]; }

  // A node becomes a cluster, and that cluster joins with those it reads from, the last computed first.
  void place(NodeId id) {
    std::vector<int> on;
    std::vector<Read> candidates;
    for (const Read& r : reads_.of(id)) {
      if (is_leaf(r.value.node)) continue;
      on.push_back(group_[r.value.node]);
      candidates.push_back(r);
    }
    group_[id] = dag_.add(on);
    groups_.push_back(group_of(graph_, id));
    std::sort(candidates.begin(), candidates.end(), [](const Read& a, const Read& b) { return a.value > b.value; });
    for (const Read& r : candidates) {
      if (dag_.find(group_[r.value.node]) == dag_.find(group_[id])) continue;
      if (auto why = join(r, id); why && tell_) refusals_[{r.value, id}] = std::move(*why);
    }
  }

  std::optional<Refusal> join(const Read& read, NodeId reading) {
    Group &from = group(read.value.node), &reader = group(reading);
    Group joined;
    if (auto why = refuse(graph_, reads_, from, read, reader, joined, tell_)) return why;
    // Mapped values are computed where they are read: so nothing else may want them, or anything beside them.
    if (read.access == Access::mapped) {
      for (NodeId id : from.nodes) {
        if (is_bordered(id)) return Refusal{"stored for the program's border, so read from there", ""};
        const bool inside = id != read.value.node;
        for (NodeId r : readers_[id])
          if (inside ? dag_.find(group_of_or(r, -1)) != dag_.find(group_[id]) : r != reading)
            return Refusal{"read by others in another order", tell_ ? std::to_string(readers_[id].size()) + " readers" : ""};
      }
    }
    const std::size_t values = values_of(from) + values_of(reader);
    if (values > kMostValues) return Refusal{"too many stored values for one pass", tell_ ? std::to_string(values) : ""};
    if (!dag_.merge(group_[read.value.node], group_[reading])) return Refusal{"another path leads from one to the other", ""};
    joined.nodes.insert(joined.nodes.end(), from.nodes.begin(), from.nodes.end());
    groups_[static_cast<std::size_t>(dag_.find(group_[reading]))] = std::move(joined);
    return std::nullopt;
  }

  int group_of_or(NodeId id, int none) const { return group_[id] < 0 ? none : group_[id]; }
  bool is_bordered(NodeId id) const {
    const auto it = border_.lower_bound(Value{id, 0});
    return it != border_.end() && it->node == id;
  }
  std::size_t values_of(const Group& g) const {
    std::vector<Value> seen;
    for (NodeId id : g.nodes)
      for (const Read& r : reads_.of(id)) seen.push_back(r.value);
    std::sort(seen.begin(), seen.end());
    return static_cast<std::size_t>(std::unique(seen.begin(), seen.end()) - seen.begin());
  }

  Clustering collect() {
    std::vector<int> roots;
    for (NodeId id = 0; id < graph_.nodes().size(); ++id)
      if (is_real(id)) roots.push_back(dag_.find(group_[id]));
    std::sort(roots.begin(), roots.end());
    roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
    std::sort(roots.begin(), roots.end(), [&](int a, int b) { return dag_.rank(a) < dag_.rank(b); });
    Clustering out;
    std::vector<int> position(graph_.nodes().size(), -1);  // by root
    for (int root : roots) {
      position[static_cast<std::size_t>(root)] = static_cast<int>(out.clusters.size());
      out.clusters.push_back(cluster_of(groups_[static_cast<std::size_t>(root)]));
    }
    const auto place_of = [&](NodeId id) { return position[static_cast<std::size_t>(dag_.find(group_[id]))]; };
    if (!tell_) return out;
    for (const Output& o : graph_.outputs()) borders_.insert({o.value, {"output of the program", o.name}});
    for (const Update& u : graph_.updates()) borders_.insert({u.value, {"new value of a state slot", u.path}});
    for (std::size_t c = 0; c < out.clusters.size(); ++c) {
      for (const Value& v : out.clusters[c].outputs) explain(v, static_cast<int>(c), place_of, out.boundaries);
    }
    return out;
  }

  Cluster cluster_of(const Group& g) {
    Cluster c;
    c.kind = g.kind;
    const int mine = dag_.find(group_[g.nodes.front()]);
    const auto own = [&](NodeId id) { return group_[id] >= 0 && dag_.find(group_[id]) == mine; };
    // Which nodes the cluster that `seen_` was last written for has met.
    std::vector<NodeId> open = g.nodes;
    ++stamp_;
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      if (std::exchange(seen_[id], stamp_) == stamp_) continue;
      c.nodes.push_back(id);
      for (const Value& v : graph_.node(id).operands) {
        if (reads_.is_virtual(v.node) || own(v.node)) open.push_back(v.node);
        else c.inputs.push_back(v);
      }
    }
    for (NodeId id : g.nodes) {
      for (std::uint32_t o = 0; o < graph_.node(id).types.size(); ++o)
        if (border_.contains({id, o})) c.outputs.push_back({id, o});
      for (NodeId r : readers_[id])
        if (!own(r))
          for (const Read& read : reads_.of(r))
            if (read.value.node == id) c.outputs.push_back(read.value);
    }
    std::sort(c.nodes.begin(), c.nodes.end());
    for (auto* values : {&c.inputs, &c.outputs}) {
      std::sort(values->begin(), values->end());
      values->erase(std::unique(values->begin(), values->end()), values->end());
    }
    return c;
  }

  template <typename PlaceOf>
  void explain(Value v, int from, const PlaceOf& place_of, std::vector<Boundary>& out) const {
    const auto [first, last] = borders_.equal_range(v);
    for (auto it = first; it != last; ++it) out.push_back({v, from, -1, it->second.rule, it->second.numbers});
    std::map<int, Refusal> why;
    for (NodeId r : readers_[v.node]) {
      const int to = place_of(r);
      if (to == from) continue;
      const auto& of = reads_.of(r);
      if (std::none_of(of.begin(), of.end(), [&](const Read& read) { return read.value == v; })) continue;
      const auto known = refusals_.find({v, r});
      why.try_emplace(to, known == refusals_.end() ? Refusal{"read by a neighbour's other inputs", ""} : known->second);
    }
    for (auto& [to, refusal] : why) out.push_back({v, from, to, refusal.rule, refusal.numbers});
  }

  const GraphData& graph_;
  const bool tell_;  // why
  const Reads reads_;
  ClusterDag dag_;
  std::vector<int> group_;                     // by node; the cluster it began
  std::vector<Group> groups_;                  // by cluster
  std::vector<std::vector<NodeId>> readers_;   // real ones
  std::set<Value> border_;
  std::map<std::pair<Value, NodeId>, Refusal> refusals_;
  std::multimap<Value, Refusal> borders_;
  std::vector<int> seen_ = std::vector<int>(group_.size(), 0);
  int stamp_ = 0;
};

}  // namespace

Clustering fuse(const Graph& graph) { return Fuser(graph.data(), true).run(); }
Clustering fuse_silently(const Graph& graph) { return Fuser(graph.data(), false).run(); }

}  // namespace uwaga
