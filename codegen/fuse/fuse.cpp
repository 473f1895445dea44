#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/fuse/cluster_dag.h>
#include <uwaga/codegen/fuse/groups.h>
#include <uwaga/codegen/fuse/patches.h>
#include <uwaga/codegen/fuse/reads.h>
#include <uwaga/codegen/fuse/written.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga {

std::string_view name(ClusterKind kind) {
  switch (kind) {
    case ClusterKind::loop: return "loop";
    case ClusterKind::contraction: return "contraction";
    case ClusterKind::attention: return "attention";
    case ClusterKind::index: return "index";
    case ClusterKind::structure: return "structure";
    case ClusterKind::custom: return "custom";
  }
  return "?";
}

std::string_view op_name(const Node& node) { return node.op == Op::call ? std::string_view(node.as<CallAttrs>().composite->name) : name(node.op); }

namespace {

// More stored values than this in one cluster cost more in pointers and cache ways than a pass over memory.
constexpr std::size_t kMostValues = 32;

class Fuser {
 public:
  // `tell`: boundaries too.
  Fuser(const GraphData& graph, const FuseRules& rules, bool tell)
      : graph_(graph), rules_(rules), tell_(tell), reads_(graph), group_(graph.nodes().size(), -1), readers_(graph.nodes().size()),
        seen_(graph.nodes().size(), -1) {}

  Clustering run() {
    for (NodeId id = 0; id < graph_.nodes().size(); ++id)
      if (is_real(id))
        for (const Read& r : reads_.of(id)) readers_[r.value.node].push_back(id);
    for (const Output& o : graph_.outputs()) border_.push_back({o.value, Reason::output, &o.name, border_.size()});
    for (const Update& u : graph_.updates()) border_.push_back({written_by(graph_, u).value, Reason::update, &u.path, border_.size()});
    std::sort(border_.begin(), border_.end(),
              [](const Crossing& a, const Crossing& b) { return std::tie(a.value, a.number) < std::tie(b.value, b.number); });
    for (NodeId id = 0; id < graph_.nodes().size(); ++id)
      if (is_real(id)) place(id);
    if (rules_.sums_beside_rows) {
      for (auto id = static_cast<NodeId>(graph_.nodes().size()); id-- > 0;)
        if (is_real(id) && group(id).kind == ClusterKind::contraction) leave_epilogue(id);
      for (NodeId id = 0; id < graph_.nodes().size(); ++id)
        if (is_real(id) && group(id).sweep == Sweep::column) move_beside_rows(id);
    }
    if (rules_.patch_sums)
      for (NodeId id = 0; id < graph_.nodes().size(); ++id)
        if (is_real(id) && graph_.node(id).op == Op::sum) take_patch_sum(id);
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
    SmallList<int, 4> on;
    ReadList candidates;
    for (const Read& r : reads_.of(id)) {
      if (is_leaf(r.value.node)) continue;
      on.push_back(group_[r.value.node]);
      candidates.push_back(r);
    }
    group_[id] = dag_.add({on.data(), on.size()});
    groups_.push_back(group_of(graph_, id, spaces_));
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
    if (auto why = ends_before(from, read, reader)) return why;
    if (moves_results(from, reader)) return Refusal{Reason::mapped_reduction, numbers([&] { return "in " + str(joined.space); })};
    // Mapped values are computed where they are read: so nothing else may want them, or anything beside them.
    if (read.access == Access::mapped) {
      for (NodeId id : from.nodes) {
        if (is_bordered(id)) return Refusal{Reason::mapped_border, numbers([&] { return border_name(id); })};
        const bool inside = id != read.value.node;
        for (NodeId r : readers_[id])
          if (inside ? group_[r] < 0 || dag_.find(group_[r]) != dag_.find(group_[id]) : r != reading)
            return Refusal{Reason::mapped_readers, numbers([&] { return counted(readers_[id].size()); })};
      }
    }
    const std::size_t values = values_of(from) + values_of(reader);
    if (values > kMostValues) return Refusal{Reason::too_many, numbers([&] { return std::to_string(values) + ", at most " + std::to_string(kMostValues); })};
    if (!dag_.merge(group_[read.value.node], group_[reading])) return Refusal{Reason::cycle, numbers([&] { return between(read.value, reading); })};
    joined.nodes.insert(joined.nodes.end(), from.nodes.begin(), from.nodes.end());
    groups_[static_cast<std::size_t>(dag_.find(group_[reading]))] = std::move(joined);
    return std::nullopt;
  }

  // What an epilogue computes for one cluster alone, which reduces, and from values that are stored anyway, that cluster computes:
  // so less is stored. The order of clusters stays: what a node needs comes before its epilogue, and that before its readers.
  void leave_epilogue(NodeId id) {
    if (graph_.node(id).op == Op::dot || is_bordered(id)) return;
    const int from = dag_.find(group_[id]), to = dag_.find(group_[readers_[id][0]]);
    const auto inside = [&](NodeId n) { return group_[n] >= 0 && dag_.find(group_[n]) == from; };
    const auto outside = [&](NodeId n) { return !inside(n); };
    const auto is_stored = [&](NodeId n) { return is_bordered(n) || std::any_of(readers_[n].begin(), readers_[n].end(), outside); };
    Group& into = groups_[static_cast<std::size_t>(to)];
    const bool reduces = into.sweep == Sweep::row || into.sweep == Sweep::column;
    if (into.kind != ClusterKind::loop || !reduces || into.space != group(id).space) return;
    for (NodeId reader : readers_[id]) {
      if (dag_.find(group_[reader]) != to) return;
      for (const Read& r : reads_.of(reader))
        if (r.value.node == id && r.access != Access::same) return;
    }
    for (const Read& r : reads_.of(id))
      if (inside(r.value.node) && (r.access != Access::same || !is_stored(r.value.node))) return;
    if (values_of(into) + reads_.of(id).size() > kMostValues) return;
    for (const Read& r : reads_.of(id))
      if (tell_ && inside(r.value.node))
        refusals_[{r.value, id}] = {Reason::left_epilogue, "for " + std::string(op_name(graph_.node(readers_[id][0])))};
    auto& nodes = group(id).nodes;
    nodes.erase(std::find(nodes.begin(), nodes.end(), id));
    into.nodes.push_back(id);
    group_[id] = to;
  }

  // Sums down columns join reductions along the rows of what they read, or compute: so it crosses memory once for both.
  void move_beside_rows(NodeId sum) {
    const int sums = dag_.find(group_[sum]);
    for (NodeId id : std::vector<NodeId>(group(sum).nodes))
      for (const Read& r : reads_.of(id)) {
        if (r.access != Access::same || spaces_.of(graph_.type(r.value)) != group(sum).space) continue;
        if (join_rows(sums, r.value.node)) return;
        for (NodeId reader : readers_[r.value.node])
          if (join_rows(sums, reader)) return;
      }
  }
  bool join_rows(int sums, NodeId of_rows) {
    if (group_[of_rows] < 0) return false;
    const int rows = dag_.find(group_[of_rows]);
    Group &from = groups_[static_cast<std::size_t>(sums)], &into = groups_[static_cast<std::size_t>(rows)];
    if (rows == sums || !sums_fit_beside(graph_, from, into) || values_of(from) + values_of(into) > kMostValues) return false;
    if (moves_results(from, into)) return false;
    for (NodeId id : into.nodes)
      for (const Read& r : reads_.of(id))
        if (!is_leaf(r.value.node) && dag_.find(group_[r.value.node]) == sums && space_of(graph_.type(r.value)) != from.space) return false;
    if (!dag_.merge(sums, rows)) return false;
    Group joined = std::move(into);
    joined.columns = from.over;
    joined.nodes.insert(joined.nodes.end(), from.nodes.begin(), from.nodes.end());
    groups_[static_cast<std::size_t>(dag_.find(rows))] = std::move(joined);
    return true;
  }

  // A sum over patches of what a product computes becomes the product's, where they are patches of its rows and columns, and something
  // else of it is stored.
  void take_patch_sum(NodeId id) {
    const int sum = dag_.find(group_[id]);
    if (groups_[static_cast<std::size_t>(sum)].nodes.size() > 1) return;
    const auto is_stored = [&](NodeId n) {
      return is_bordered(n) || std::any_of(readers_[n].begin(), readers_[n].end(), [&](NodeId r) { return r != id && dag_.find(group_[r]) != dag_.find(group_[n]); });
    };
    const auto found = patch_sum(graph_, id, [&](Value v) {
      return is_leaf(v.node) || (is_real(v.node) && (graph_.node(v.node).op == Op::dot || is_stored(v.node)));
    });
    if (!found || is_leaf(found->of.node)) return;
    const int product = dag_.find(group_[found->of.node]);
    Group& into = groups_[static_cast<std::size_t>(product)];
    if (into.kind != ClusterKind::contraction || std::none_of(into.nodes.begin(), into.nodes.end(), is_stored) || values_of(into) + 1 > kMostValues) return;
    const auto dot = std::find_if(into.nodes.begin(), into.nodes.end(), [&](NodeId n) { return graph_.node(n).op == Op::dot; });
    const Type &a = graph_.type(graph_.node(*dot).operands[0]), &b = graph_.type(graph_.node(*dot).operands[1]);
    const auto& [down, across] = found->sides;
    const auto apart = [&](const Type& x, const Type& y) { return x.has(down.axis) && !y.has(down.axis) && y.has(across.axis) && !x.has(across.axis); };
    if (!apart(a, b) && !apart(b, a)) return;
    if (!dag_.merge(product, sum)) return;
    Group joined = std::move(into);
    joined.nodes.push_back(id);
    groups_[static_cast<std::size_t>(dag_.find(product))] = std::move(joined);
  }

  template <typename Write>
  std::string numbers(const Write& write) const { return tell_ ? write() : std::string(); }
  static std::string counted(std::size_t readers) { return std::to_string(readers) + (readers == 1 ? " reader" : " readers"); }

  // Where a value crosses the border of the program.
  struct Crossing {
    Value value;
    Reason reason;
    const std::string* name;
    std::size_t number;  // in the order of outputs, then updates
  };
  std::vector<Crossing>::const_iterator first_crossing(Value v) const {
    return std::lower_bound(border_.begin(), border_.end(), v, [](const Crossing& c, const Value& of) { return c.value < of; });
  }
  bool is_bordered(NodeId id) const {
    const auto it = first_crossing({id, 0});
    return it != border_.end() && it->value.node == id;
  }
  // A reduction down columns or over everything has one pass: nothing in its kernel may read its result at every element, by
  // whatever value the reader would join it.
  std::optional<Refusal> ends_before(const Group& from, const Read& read, const Group& reader) {
    if (from.sweep != Sweep::column && from.sweep != Sweep::full) return std::nullopt;
    const int cluster = dag_.find(group_[read.value.node]);
    for (NodeId id : reader.nodes)
      for (const Read& r : reads_.of(id))
        if (r.access == Access::broadcast && !is_leaf(r.value.node) && dag_.find(group_[r.value.node]) == cluster)
          return Refusal{from.sweep == Sweep::full ? Reason::full_ends : Reason::columns_end,
                         numbers([&] { return "over {" + uwaga::join(from.over) + "} of " + str(from.space); })};
    return std::nullopt;
  }

  // Would one cluster of both read what a reduction or a dot of it gives, or what is computed of that, by other names or in another
  // order of indices? It has no more of it than its own row's or its own element's. (Of a dot, whose space all of its cluster is over,
  // what is repeated is an index.)
  bool moves_results(const Group& a, const Group& b) {
    const bool dot = a.kind == ClusterKind::contraction || b.kind == ClusterKind::contraction;
    if (!dot && a.sweep == Sweep::none && b.sweep == Sweep::none) return false;
    nodes_ = a.nodes;
    nodes_.insert(nodes_.end(), b.nodes.begin(), b.nodes.end());
    std::sort(nodes_.begin(), nodes_.end());
    std::vector<NodeId> results;  // sorted
    for (NodeId id : nodes_) {
      bool result = is_sum(graph_, id);
      for (const Read& r : reads_.of(id)) {
        if (!std::binary_search(results.begin(), results.end(), r.value.node)) continue;
        if (r.access > (dot ? Access::same : Access::broadcast)) return true;
        result = true;
      }
      if (result) results.push_back(id);
    }
    return false;
  }

  std::string border_name(NodeId id) const {
    const Crossing& c = *first_crossing({id, 0});
    return (c.reason == Reason::output ? "output " : "slot ") + *c.name;
  }
  // What the reader reads that depends on the value's cluster by way of another: the ops that stand between.
  std::string between(Value value, NodeId reading) const {
    const int from = dag_.find(group_[value.node]);
    std::string out = "by way of";
    for (const Read& r : reads_.of(reading))
      if (!is_leaf(r.value.node) && dag_.find(group_[r.value.node]) != from && dag_.rank(group_[r.value.node]) > dag_.rank(from))
        out += " " + std::string(name(graph_.node(r.value.node).op));
    return out == "by way of" ? "by way of its own cluster" : out;
  }
  std::size_t values_of(const Group& g) {
    values_.clear();
    for (NodeId id : g.nodes)
      for (const Read& r : reads_.of(id)) values_.push_back(r.value);
    std::sort(values_.begin(), values_.end());
    return static_cast<std::size_t>(std::unique(values_.begin(), values_.end()) - values_.begin());
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
      out.clusters.push_back(cluster_of(groups_[static_cast<std::size_t>(root)], root));
    }
    if (!tell_) return out;
    const auto place_of = [&](NodeId id) { return position[static_cast<std::size_t>(dag_.find(group_[id]))]; };
    for (std::size_t c = 0; c < out.clusters.size(); ++c) {
      for (const Value& v : out.clusters[c].outputs) explain(v, static_cast<int>(c), place_of, out.boundaries);
    }
    return out;
  }

  Cluster cluster_of(const Group& g, int root) {
    Cluster c;
    c.kind = g.kind;
    const auto own = [&](NodeId id) { return group_[id] >= 0 && dag_.find(group_[id]) == root; };
    open_ = g.nodes;
    nodes_.clear();
    values_.clear();
    while (!open_.empty()) {
      const NodeId id = open_.back();
      open_.pop_back();
      if (std::exchange(seen_[id], root) == root) continue;
      nodes_.push_back(id);
      for (const Value& v : graph_.node(id).operands) {
        if (reads_.is_virtual(v.node) || own(v.node)) open_.push_back(v.node);
        else values_.push_back(v);
      }
    }
    std::sort(nodes_.begin(), nodes_.end());
    c.nodes = nodes_;
    c.inputs = each_once(values_);
    values_.clear();
    for (NodeId id : g.nodes) {
      for (auto it = first_crossing({id, 0}); it != border_.end() && it->value.node == id; ++it) values_.push_back(it->value);
      for (NodeId r : readers_[id])
        if (!own(r))
          for (const Read& read : reads_.of(r))
            if (read.value.node == id) values_.push_back(read.value);
    }
    c.outputs = each_once(values_);
    return c;
  }

  static std::vector<Value> each_once(std::vector<Value>& values) {
    std::sort(values.begin(), values.end());
    return {values.begin(), std::unique(values.begin(), values.end())};
  }

  template <typename PlaceOf>
  void explain(Value v, int from, const PlaceOf& place_of, std::vector<Boundary>& out) const {
    for (auto it = first_crossing(v); it != border_.end() && it->value == v; ++it)
      out.push_back({v, from, -1, std::string(words(it->reason)), *it->name});
    std::map<int, Refusal> why;
    for (NodeId r : readers_[v.node]) {
      const int to = place_of(r);
      if (to == from) continue;
      const auto& of = reads_.of(r);
      if (std::none_of(of.begin(), of.end(), [&](const Read& read) { return read.value == v; })) continue;
      const auto known = refusals_.find({v, r});
      check_internal(known != refusals_.end(), "two clusters stay two, and nothing says why");
      why.try_emplace(to, known->second);
    }
    for (auto& [to, refusal] : why) out.push_back({v, from, to, std::string(words(refusal.reason)), refusal.numbers});
  }

  const GraphData& graph_;
  const FuseRules rules_;
  const bool tell_;
  const Reads reads_;
  Spaces spaces_;
  ClusterDag dag_;
  std::vector<int> group_;                     // by node; the cluster it began
  std::vector<Group> groups_;                  // by cluster
  std::vector<SmallList<NodeId, 4>> readers_;  // real ones
  std::vector<Crossing> border_;               // by value
  std::vector<int> seen_;                      // by node: the cluster written last that holds it
  std::map<std::pair<Value, NodeId>, Refusal> refusals_;
  std::vector<Value> values_;  // of what is being looked at, as are these
  std::vector<NodeId> nodes_, open_;
};

}  // namespace

Clustering fuse(const Graph& graph, const FuseRules& rules) { return Fuser(graph.data(), rules, true).run(); }
Clustering fuse_unexplained(const Graph& graph, const FuseRules& rules) { return Fuser(graph.data(), rules, false).run(); }

}  // namespace uwaga
