#include <uwaga/codegen/schedule/attention_passes.h>

#include <algorithm>
#include <functional>
#include <set>

#include <uwaga/codegen/lower/table.h>

namespace uwaga::schedule {
namespace {

class PassPlanner {
 public:
  PassPlanner(const GraphData& g, const AttentionForm& f) : g_(g), f_(f) {}

  AttentionPasses run() {
    find_stages();
    find_places();
    choose_kept();
    assign_slots();
    return std::move(p_);
  }

 private:
  bool is_reduction(NodeId id) const { return std::find(f_.reductions.begin(), f_.reductions.end(), id) != f_.reductions.end(); }
  bool is_dot(NodeId id) const {
    return std::any_of(f_.dots.begin(), f_.dots.end(), [&](const TileDot& d) { return d.node == id; });
  }

  void find_stages() {
    for (NodeId id : f_.dependent) {
      int stage = 0;
      if (!is_dot(id))
        for (Value v : g_.node(id).operands)
          if (const auto it = stage_.find(v.node); it != stage_.end()) stage = std::max(stage, it->second + (is_reduction(v.node) ? 1 : 0));
      stage_[id] = stage;
      if (is_reduction(id)) p_.last = std::max(p_.last, stage + 1);
    }
    p_.reduced.resize(static_cast<std::size_t>(p_.last) + 1);
    p_.kept.resize(static_cast<std::size_t>(p_.last) + 1);
    for (NodeId id : f_.reductions) p_.reduced[static_cast<std::size_t>(stage_.at(id))].push_back(id);
    const auto leaves = [&](Value tile) {
      if (std::find(p_.finals.begin(), p_.finals.end(), tile) == p_.finals.end()) p_.finals.push_back(tile);
    };
    for (const TileProduct& p : f_.products) leaves(p.tile);
    for (const TileSum& s : f_.sums)
      if (!s.is_of_lanes()) leaves(s.tile);
  }

  // Calls compute(node) for what a pass computes and load(value) for what it finds in scratch.
  void walk(int pass, const std::function<void(NodeId)>& compute, const std::function<void(Value)>& load) const {
    std::set<Value> seen;
    const std::function<void(Value)> visit = [&](Value v) {
      if (!f_.is_tile(g_.type(v)) || !seen.insert(v).second) return;
      if (!f_.dependent.contains(v.node) && weight(v) < kernel::kTranscendental) return;
      const auto kept = kept_at_.find(v.node);
      if (is_dot(v.node) || (kept != kept_at_.end() && kept->second < pass)) {
        load(v);
        return;
      }
      compute(v.node);
      for (Value o : g_.node(v.node).operands) visit(o);
    };
    for (NodeId id : p_.reduced[static_cast<std::size_t>(pass)]) visit(g_.node(id).operands[0]);
    if (pass < p_.last) return;
    for (Value v : p_.finals) visit(v);
    for (const TileSum& s : f_.sums) visit(s.tile);
  }

  // Places of a table are computed after the passes, and all that they are made of.
  void find_places() {
    const std::function<void(Value)> walk = [&](Value v) {
      if (!of_places_.insert(v.node).second) return;
      for (Value o : g_.node(v.node).operands) walk(o);
    };
    for (const TileSum& s : f_.sums)
      if (s.places) walk(*s.places);
  }

  // What it costs to compute an element of a tile that no score is in, such as random bits or a bias by distance.
  int weight(Value v) const {
    if (f_.dependent.contains(v.node) || !f_.is_tile(g_.type(v))) return 0;
    const auto [it, fresh] = weight_.try_emplace(v.node, 0);
    if (!fresh) return it->second;
    int sum = kernel::cost_of(g_, g_.node(v.node));
    for (Value o : g_.node(v.node).operands) sum = std::min(sum + weight(o), kernel::kTranscendental);
    return weight_[v.node] = sum;
  }
  // Is it rather read again than computed? Without a score in it, the first of its numbers that a tile can hold.
  bool is_dear(NodeId id) const {
    const Node& n = g_.node(id);
    const auto holds = [&](Value v) { return g_.type(v).dtype == DType::f32; };
    if (!holds({id, 0}) || of_places_.contains(id)) return false;
    if (f_.dependent.contains(id)) return kernel::cost_of(g_, n) >= kernel::kTranscendental;
    return weight({id, 0}) >= kernel::kTranscendental &&
           std::none_of(n.operands.begin(), n.operands.end(), [&](Value o) { return holds(o) && weight(o) >= kernel::kTranscendental; });
  }

  void choose_kept() {
    std::map<NodeId, std::pair<int, int>> passes;  // first, last that computes it
    for (int pass = 0; pass <= p_.last; ++pass)
      walk(pass, [&](NodeId id) { passes.try_emplace(id, pass, pass).first->second.second = pass; }, [](Value) {});
    for (const auto& [id, range] : passes) {
      if (range.first == range.second || !is_dear(id)) continue;
      kept_at_[id] = range.first;
      p_.kept[static_cast<std::size_t>(range.first)].push_back({id, 0});
    }
  }

  void assign_slots() {
    std::map<Value, int> last_load;
    for (int pass = 0; pass <= p_.last; ++pass)
      walk(pass, [](NodeId) {}, [&](Value v) { last_load[v] = pass; });
    std::vector<int> busy;  // until which pass
    for (const TileDot& d : f_.dots) {
      const Value v{d.node, 0};
      p_.slot[v] = static_cast<int>(busy.size());
      busy.push_back(last_load.contains(v) ? last_load[v] : -1);
    }
    const auto take = [&](int pass, int until) {
      // A pass reads an element of a tile before it writes the same element of another value there.
      for (std::size_t s = 0; s < busy.size(); ++s)
        if (busy[s] <= pass) {
          busy[s] = until;
          return static_cast<int>(s);
        }
      busy.push_back(until);
      return static_cast<int>(busy.size()) - 1;
    };
    for (int pass = 0; pass <= p_.last; ++pass)
      for (Value v : p_.kept[static_cast<std::size_t>(pass)])
        if (last_load.contains(v)) p_.slot[v] = take(pass, last_load[v]);
    for (auto& kept : p_.kept) std::erase_if(kept, [&](Value v) { return !p_.slot.contains(v); });
    for (Value v : p_.finals) p_.final_slot[v] = take(p_.last, p_.last + 1);
    p_.slots = static_cast<int>(busy.size());
  }

  const GraphData& g_;
  const AttentionForm& f_;
  AttentionPasses p_;
  std::map<NodeId, int> stage_;
  std::map<NodeId, int> kept_at_;
  std::set<NodeId> of_places_;
  mutable std::map<NodeId, int> weight_;
};

}  // namespace

AttentionPasses plan_passes(const GraphData& graph, const AttentionForm& form) { return PassPlanner(graph, form).run(); }

std::vector<Value> row_values_of_pass(const GraphData& g, const AttentionForm& f, const AttentionPasses& p, int pass,
                                      const std::function<bool(Value)>& inside) {
  std::vector<Value> rows;
  std::set<Value> done;
  const std::function<void(Value)> walk = [&](Value v) {
    if (!done.insert(v).second) return;
    if (f.is_row(g.type(v))) rows.push_back(v);
    else if (f.is_tile(g.type(v)) && inside(v) && kernel::keeps_indices(g.node(v.node)))
      for (Value o : g.node(v.node).operands) walk(o);
  };
  for (NodeId id : p.reduced[static_cast<std::size_t>(pass)]) walk(g.node(id).operands[0]);
  if (pass < p.last) return rows;
  for (Value v : p.finals) walk(v);
  for (const TileSum& s : f.sums) walk(s.tile);
  return rows;
}

}  // namespace uwaga::schedule
