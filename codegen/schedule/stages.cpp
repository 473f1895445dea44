#include <uwaga/codegen/schedule/stages.h>

#include <algorithm>

#include <uwaga/codegen/fuse/groups.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/codegen/schedule/loops.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {

bool Stages::has_reduced_axis(const Type& t) const {
  return std::any_of(over.begin(), over.end(), [&](const std::string& axis) { return t.has(axis); });
}

bool Stages::reduces_in(NodeId id, int pass) const {
  return stage.at(id) == pass && std::find(reductions.begin(), reductions.end(), id) != reductions.end();
}

bool Stages::known_in(Value v, int pass) const {
  const auto it = stage.find(v.node);
  return it == stage.end() || it->second < pass || (it->second == pass && !reduces_in(v.node, pass));
}

Stages stages_of(const GraphData& graph, const Cluster& cluster) {
  Stages s;
  const auto reduces = [&](NodeId id) {
    return kernel::lower_row(graph.node(id).op).how == kernel::Lowering::reduction && !kernel::is_inlined(graph, graph.node(id));
  };
  const auto row = std::find_if(cluster.nodes.begin(), cluster.nodes.end(),
                                [&](NodeId id) { return reduces(id) && group_of(graph, id).sweep == Sweep::row; });
  for (NodeId id : cluster.nodes) {
    const Node& n = graph.node(id);
    int stage = 0;
    for (const Value& v : n.operands) {
      const auto it = s.stage.find(v.node);
      if (it == s.stage.end()) continue;
      const bool reduced = std::find(s.reductions.begin(), s.reductions.end(), v.node) != s.reductions.end();
      stage = std::max(stage, it->second + (reduced ? 1 : 0));
    }
    s.stage[id] = stage;
    if (!reduces(id)) continue;
    s.count = std::max(s.count, stage + 1);
    const AxisNames& over = n.as<ReduceAttrs>().over;
    if (row != cluster.nodes.end() && over != graph.node(*row).as<ReduceAttrs>().over) {
      s.down = over;
      s.sums.push_back(id);
    } else {
      s.space = graph.type(n.operands[0]);
      s.over = over;
      s.reductions.push_back(id);
    }
  }
  check_internal(!s.reductions.empty(), "a cluster without reductions has no stages");
  for (const Value& v : cluster.outputs) {
    if (std::find(s.sums.begin(), s.sums.end(), v.node) != s.sums.end()) continue;
    if (s.has_reduced_axis(graph.type(v))) {
      s.elements.push_back(v);
      s.count = std::max(s.count, s.stage.at(v.node) + 1);
    } else {
      s.results.push_back(v);
    }
  }
  return s;
}

AxisNames kept_order(const GraphData& graph, const Cluster& cluster, const Layouts& layouts, const Stages& s) {
  // As the widest stored value lies.
  const Value* widest = nullptr;
  for (const auto* values : {&cluster.inputs, &cluster.outputs})
    for (const Value& v : *values)
      if (same_axes(graph.type(v), s.space) && widest == nullptr) widest = &v;
  AxisNames out;
  for (const std::string& axis : widest ? order_of(graph, layouts, *widest) : s.space.axes())
    if (std::find(s.over.begin(), s.over.end(), axis) == s.over.end()) out.push_back(axis);
  return out;
}

int cost_of_pass(const GraphData& graph, const Cluster& cluster, const Stages& stages, int pass) {
  int cost = 0;
  for (NodeId id : cluster.nodes)
    if (stages.stage.at(id) == pass && stages.has_reduced_axis(graph.node(id).types[0])) cost += kernel::cost_of(graph, graph.node(id));
  return cost;
}

}  // namespace uwaga::schedule
