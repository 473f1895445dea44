#include <uwaga/runtime/compiled/internal/in_place.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include <uwaga/codegen/fuse/groups.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/codegen/whole_calls.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/runtime/compiled/internal/by_value.h>

namespace uwaga {
namespace {

constexpr NodeId kNoSlot = ~NodeId{0};
constexpr int kNone = -1;

// What an op looks up: the indices, and how many there are.
using LookUp = std::pair<Value, Extent>;
std::optional<LookUp> look_up(const GraphData& g, const Node& n) {
  if (n.op != Op::gather && n.op != Op::scatter_add) return std::nullopt;
  return LookUp{n.operands[1], g.type(n.operands[0]).extent(n.as<AxisAttrs>().axis)};
}

class Finder {
 public:
  Finder(const GraphData& graph, const std::vector<Cluster>& clusters, std::span<const SlotUpdate> updates)
      : g_(graph), clusters_(clusters), slot_of_(graph, kNoSlot), uses_(graph, 0), last_reader_(graph, kNone), readers_(graph, 0), writer_(graph, kNone) {
    for (const SlotUpdate& u : updates) {
      ++uses_[u.written.value];
      if (!u.written.first_row) slot_of_[u.written.value] = u.slot;
    }
    for (const Output& o : g_.outputs()) ++uses_[o.value];
    for (std::size_t i = 0; i < clusters_.size(); ++i)
      for (Value v : clusters_[i].inputs) {
        ++uses_[v];
        ++readers_[v];
        last_reader_[v] = static_cast<int>(i);
      }
  }

  InPlace run() {
    for (std::size_t i = 0; i < clusters_.size(); ++i) choose(static_cast<int>(i));
    leave_readers();
    if (leads_where_it_may_not()) std::erase_if(out_.products, [&](int i) { return stores_more(i); });
    put_in_order();
    return std::move(out_);
  }

 private:
  const Cluster& at(int i) const { return clusters_[static_cast<std::size_t>(i)]; }
  bool is_update(Value v) const { return slot_of_[v] != kNoSlot; }
  Value slot_of(Value v) const { return {slot_of_[v], 0}; }
  bool stores_more(int i) const { return !std::all_of(at(i).outputs.begin(), at(i).outputs.end(), [&](Value v) { return is_update(v); }); }

  void choose(int i) {
    const Cluster& c = at(i);
    if (c.kind == ClusterKind::structure || may_fail(g_, c)) return;
    const auto fits = [&](Value v) { return !is_update(v) || (uses_[v] == 1 && reads_by_element(c, slot_of(v))); };
    if (std::none_of(c.outputs.begin(), c.outputs.end(), [&](Value v) { return is_update(v); }) || !std::all_of(c.outputs.begin(), c.outputs.end(), fits)) return;
    // Of a slot that is an output too, or another one's new value, the old value is copied when everything else has run.
    const auto read_by_clusters = [&](Value v) { return !is_update(v) || uses_[slot_of(v)] == readers_[slot_of(v)]; };
    if (c.kind == ClusterKind::contraction && std::all_of(c.outputs.begin(), c.outputs.end(), read_by_clusters)) out_.products.insert(i);
    else if (!stores_more(i)) out_.last.insert(i);
  }

  bool reads_by_element(const Cluster& c, Value slot) const {
    const auto sums = [&](NodeId id) { return g_.node(id).op != Op::dot && is_sum(g_, id); };
    // A reduction along rows makes several passes: what one has written, the next would read.
    const bool once = c.kind == ClusterKind::contraction || (c.kind == ClusterKind::loop && std::none_of(c.nodes.begin(), c.nodes.end(), sums));
    if (!once) return std::find(c.inputs.begin(), c.inputs.end(), slot) == c.inputs.end();
    std::vector<Value> tainted{slot};
    for (NodeId id : c.nodes) {
      const Node& n = g_.node(id);
      const auto touches = [&](Value v) { return std::find(tainted.begin(), tainted.end(), v) != tainted.end(); };
      if (std::none_of(n.operands.begin(), n.operands.end(), touches)) continue;
      // A call repeats its scalars.
      const auto repeats = [&](Value v) { return touches(v) && g_.type(v).rank() < n.types[0].rank(); };
      if (!is_elementwise(n.op) && (!is_whole_call(n) || std::any_of(n.operands.begin(), n.operands.end(), repeats))) return false;
      for (std::uint32_t i = 0; i < n.types.size(); ++i) tainted.push_back({id, i});
    }
    return true;
  }

  // Where one reads what another writes, the reader runs before, and its values are copied.
  void leave_readers() {
    for (const std::set<int>* chosen : {&out_.last, &out_.products})
      for (int i : *chosen)
        for (Value v : at(i).outputs)
          if (is_update(v)) writer_[slot_of(v)] = i;
    for (std::set<int>* chosen : {&out_.last, &out_.products})
      std::erase_if(*chosen, [&](int i) {
        return std::any_of(at(i).inputs.begin(), at(i).inputs.end(), [&](Value v) { return writer_[v] != kNone && writer_[v] != i; });
      });
  }

  // Does anything that needs what products store beside their updates read a slot that one of them writes, or might it fail, or is it one
  // of them? It would have to come before them, and after.
  bool leads_where_it_may_not() {
    behind_.assign(clusters_.size(), false);
    ByValue<std::uint8_t> known(g_, 0);
    for (std::size_t i = 0; i < clusters_.size(); ++i) {
      const Cluster& c = clusters_[i];
      const bool product = out_.products.contains(static_cast<int>(i));
      behind_[i] = std::any_of(c.inputs.begin(), c.inputs.end(), [&](Value v) { return known[v] != 0; });
      if (behind_[i]) {
        const auto written = [&](Value v) { return out_.products.contains(writer_[v]); };
        const bool bad = product || c.kind == ClusterKind::structure || may_fail(g_, c) || std::any_of(c.inputs.begin(), c.inputs.end(), written);
        if (bad) {
          behind_.assign(clusters_.size(), false);
          return true;
        }
      }
      if (behind_[i] || product)
        for (Value v : c.outputs) known[v] = 1;
    }
    return false;
  }

  void put_in_order() {
    const int failing = last_failing();
    enum Kind { other, product, behind };
    const auto place = [&](int i) -> std::tuple<int, Kind, int> {
      if (behind_[static_cast<std::size_t>(i)]) return {std::numeric_limits<int>::max(), behind, i};
      if (!out_.products.contains(i)) return {i, other, i};
      int after = std::max(i, failing);
      for (Value v : at(i).outputs)
        if (is_update(v)) after = std::max(after, last_reader_[slot_of(v)]);
      return {after, product, i};
    };
    std::vector<std::tuple<int, Kind, int>> places;
    for (std::size_t i = 0; i < clusters_.size(); ++i) places.push_back(place(static_cast<int>(i)));
    std::sort(places.begin(), places.end());
    for (const auto& p : places) out_.order.push_back(std::get<2>(p));
  }

  // The last that may fail where nothing before it has: what has looked the same indices up has found them in range.
  int last_failing() const {
    std::set<LookUp> known;
    int last = kNone;
    for (std::size_t i = 0; i < clusters_.size(); ++i) {
      const Cluster& c = clusters_[i];
      if (c.kind == ClusterKind::structure || c.kind == ClusterKind::custom) last = static_cast<int>(i);
      for (NodeId id : c.nodes)
        if (const Node& n = g_.node(id); kernel::may_fail(g_, n)) {
          const auto looked_up = look_up(g_, n);
          if (!looked_up || known.insert(*looked_up).second) last = static_cast<int>(i);
        }
    }
    return last;
  }

  const GraphData& g_;
  const std::vector<Cluster>& clusters_;
  ByValue<NodeId> slot_of_;  // by update
  ByValue<int> uses_;        // clusters that read it, outputs and updates that are it
  ByValue<int> last_reader_, readers_;  // clusters
  ByValue<int> writer_;      // by slot
  std::vector<bool> behind_;  // by cluster: needs what products store beside their updates
  InPlace out_;
};

}  // namespace

bool may_fail(const GraphData& graph, const Cluster& c) {
  return c.kind == ClusterKind::custom || std::any_of(c.nodes.begin(), c.nodes.end(), [&](NodeId id) { return kernel::may_fail(graph, graph.node(id)); });
}

InPlace find_in_place(const GraphData& graph, const std::vector<Cluster>& clusters, std::span<const SlotUpdate> updates) {
  return Finder(graph, clusters, updates).run();
}

}  // namespace uwaga
