#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include <uwaga/codegen/fuse/patches.h>
#include <uwaga/codegen/fuse/written.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/codegen/schedule.h>

namespace uwaga {
namespace {

// The axes a cluster's loops want fastest, from what it reads: the innermost axis of the biggest operand.
class Chooser {
 public:
  Chooser(const GraphData& graph, const Clustering& clustering) : graph_(graph), clustering_(clustering) {
    std::uint32_t values = 0;
    for (const Node& n : graph.nodes()) {
      first_.push_back(values);
      values += static_cast<std::uint32_t>(n.types.size());
    }
    chosen_.resize(values);
  }

  // A value of this many bytes may go past the caches where as many of others are read and written before it is read.
  static constexpr std::int64_t kLarge = 1 << 20, kFar = 16 << 20;

  Layouts run() {
    // What crosses the border is written as its type says.
    for (const Output& o : graph_.outputs()) fix(o.value);
    for (const Update& u : graph_.updates()) fix(written_by(graph_, u).value);
    for (const Node& n : graph_.nodes())
      if (n.op == Op::order) wanted_.emplace(n.operands[0], n.types[0].axes());
      else if (n.op == Op::scatter_add) wanted_.emplace(n.operands[2], rows_of(n));
    for (const Cluster& c : clustering_.clusters) {
      for (const Value& v : c.inputs) fix(v);  // a leaf, if it has none yet
      for (const Value& v : c.outputs)
        if (!chosen(v)) chosen(v).emplace(order_in(c, v));
    }
    Layouts out;
    for (NodeId id = 0; id < graph_.nodes().size(); ++id)
      for (std::uint32_t o = 0; o < graph_.node(id).types.size(); ++o)
        if (auto& order = chosen({id, o})) out.emplace_hint(out.end(), Value{id, o}, Layout{std::move(*order)});
    find_cold(out);
    return out;
  }

 private:
  std::optional<AxisNames>& chosen(Value v) { return chosen_[first_[v.node] + v.output]; }
  const std::optional<AxisNames>& chosen(Value v) const { return chosen_[first_[v.node] + v.output]; }
  std::int64_t bytes(Value v) const {
    const Type& type = graph_.type(v);
    return type.elements().constant().value_or(0) * static_cast<std::int64_t>(size_of(type.dtype));
  }

  // What is written to a slot is read through its leaf, in the next run at the earliest; what leaves the graph may be read at once.
  void find_cold(Layouts& layouts) const {
    const std::vector<Cluster>& clusters = clustering_.clusters;
    std::vector<std::int64_t> before{0};  // bytes that the clusters up to each read and write
    std::map<Value, std::size_t> read;    // the first that does
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      std::int64_t all = before.back();
      for (const Value& v : clusters[i].inputs) {
        read.emplace(v, i);
        all += bytes(v);
      }
      for (const Value& v : clusters[i].outputs) all += bytes(v);
      before.push_back(all);
    }
    std::map<Value, std::optional<NodeId>> leaves;
    for (const Update& u : graph_.updates()) {
      const auto leaf = graph_.parameters().find(u.path);
      leaves[written_by(graph_, u).value] = leaf == graph_.parameters().end() ? std::nullopt : std::optional(leaf->second);
    }
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      const std::vector<PatchSum> sums = patch_sums(graph_, clusters[i]);
      for (const Value& v : clusters[i].outputs) {
        const std::vector<Output>& outputs = graph_.outputs();
        if (std::any_of(sums.begin(), sums.end(), [&](const PatchSum& s) { return s.of == v; })) continue;  // read again at once
        if (bytes(v) < kLarge || std::any_of(outputs.begin(), outputs.end(), [&](const Output& o) { return o.value == v; })) continue;
        const auto reader = read.find(v);
        const auto leaf = leaves.find(v);
        // Written over what the cluster has just read.
        const auto reads = [&](Value in) { return leaf != leaves.end() && leaf->second && in == Value{*leaf->second, 0}; };
        if (std::any_of(clusters[i].inputs.begin(), clusters[i].inputs.end(), reads)) continue;
        std::int64_t between = reader != read.end() ? before[reader->second] - before[i + 1] : leaf == leaves.end() ? 0 : kFar;
        if (reader == read.end() && leaf != leaves.end() && leaf->second) {
          const auto next = read.find({*leaf->second, 0});
          if (next != read.end()) between = before.back() - before[i + 1] + before[next->second];
        }
        if (const auto layout = layouts.find(v); layout != layouts.end()) layout->second.cold = between >= kFar;
      }
    }
  }

  void fix(Value v) {
    if (auto& order = chosen(v); !order) order = graph_.type(v).axes();
  }

  // Updates lie as the rows do that they are added to, one after the other.
  AxisNames rows_of(const Node& scatter_add) const {
    const Type& updates = graph_.type(scatter_add.operands[2]);
    AxisNames order;
    for (const Dim& d : updates.dims)
      if (!scatter_add.types[0].has(d.axis)) order.push_back(d.axis);
    for (const Dim& d : scatter_add.types[0].dims)
      if (updates.has(d.axis)) order.push_back(d.axis);
    return order;
  }

  // A product lies as the first that reorders it wants: a gradient as its parameter, updates as what they are added to.
  AxisNames order_in(const Cluster& c, Value v) const {
    const Type& type = graph_.type(v);
    if (c.kind == ClusterKind::contraction) {
      const auto wanted = wanted_.find(v);
      return wanted != wanted_.end() ? wanted->second : type.axes();
    }
    // What is added to lies as the result does, so that it can become the result.
    if (const Node& n = graph_.node(v.node); n.op == Op::scatter_add && chosen(n.operands[0])) return *chosen(n.operands[0]);
    const bool beside = c.kind == ClusterKind::loop || c.kind == ClusterKind::custom || c.kind == ClusterKind::attention;
    return beside ? order_beside_input(c, type) : type.axes();
  }

  // An elementwise result lies as the first of its inputs over the same axes does, so that one flat loop serves both, and an
  // attention's gradient as the operand it belongs to: over the same axes, but for one under another name (the keys are time to
  // what made them, and are so again to their gradient).
  AxisNames order_beside_input(const Cluster& c, const Type& type) const {
    for (const std::size_t renamed : {std::size_t{0}, std::size_t{1}})
      for (const Value& in : c.inputs) {
        const Type& other = graph_.type(in);
        if (other.rank() != type.rank() || !chosen(in)) continue;
        AxisNames order = *chosen(in), missing;
        for (const std::string& axis : type.axes())
          if (!other.has(axis)) missing.push_back(axis);
        if (missing.size() != renamed) continue;
        for (std::string& axis : order)
          if (!type.has(axis)) axis = missing[0];
        return order;
      }
    return type.axes();
  }

  const GraphData& graph_;
  const Clustering& clustering_;
  std::vector<std::uint32_t> first_;                // by node: of its values
  std::vector<std::optional<AxisNames>> chosen_;  // by value
  std::map<Value, AxisNames> wanted_;
};

}  // namespace

void align_rows(const Graph& graph, const Clustering& clustering, std::int64_t bytes, Layouts& layouts) {
  constexpr std::int64_t kWideRow = 16 << 10;  // bytes: of narrower ones a loop over all elements, one row behind the other, is worth more
  const GraphData& g = graph.data();
  std::set<Value> multiplied, others;  // by products, or made by them; by what may take a value as one piece
  const auto add = [](std::set<Value>& to, const std::vector<Value>& values) { to.insert(values.begin(), values.end()); };
  for (const Output& o : g.outputs()) others.insert(o.value);
  for (const Update& u : g.updates()) others.insert(written_by(g, u).value);
  for (const Cluster& c : clustering.clusters) {
    if (c.kind == ClusterKind::loop) continue;
    for (const auto* values : {&c.inputs, &c.outputs}) add(c.kind == ClusterKind::contraction ? multiplied : others, *values);
  }
  for (const Cluster& c : clustering.clusters)
    for (Value v : c.outputs) {
      const auto layout = layouts.find(v);
      if (others.contains(v) || !multiplied.contains(v) || layout == layouts.end() || layout->second.room || layout->second.order.size() < 2) continue;
      const Type& type = g.type(v);
      const std::string& last = layout->second.order.back();
      const auto length = type.extent(last).constant();
      const auto size = static_cast<std::int64_t>(size_of(type.dtype));
      if (!length || *length * size < kWideRow || *length * size % bytes == 0 || bytes % size != 0) continue;
      layout->second.room = Layout::Room{last, (*length * size + bytes - 1) / bytes * bytes / size};
    }
}

Extent elements_in_memory(const Type& type, const Layout& layout) {
  Extent out = 1;
  for (const Dim& d : type.dims) out = out * (layout.room && layout.room->axis == d.axis ? layout.room->extent : d.extent);
  return out;
}

Layouts choose_layouts(const Graph& graph, const Clustering& clustering) { return Chooser(graph.data(), clustering).run(); }

}  // namespace uwaga
