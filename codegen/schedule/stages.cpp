#include <uwaga/codegen/schedule/stages.h>

#include <algorithm>

#include <uwaga/codegen/lower/table.h>
#include <uwaga/codegen/schedule/loops.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {

bool Stages::has_reduced_axis(const Type& t) const {
  return std::any_of(over.begin(), over.end(), [&](const std::string& axis) { return t.has(axis); });
}

Stages stages_of(const GraphData& graph, const Cluster& cluster) {
  Stages s;
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
    if (kernel::lower_row(n.op).how == kernel::Lowering::reduction && !kernel::is_inlined(graph, n)) {
      s.space = graph.type(n.operands[0]);
      s.over = n.as<ReduceAttrs>().over;
      s.reductions.push_back(id);
      s.count = std::max(s.count, stage + 1);
    }
  }
  check_internal(!s.reductions.empty(), "a cluster without reductions has no stages");
  for (const Value& v : cluster.outputs) {
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
