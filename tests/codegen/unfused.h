// A graph without fusion.
#pragma once

#include <algorithm>
#include <utility>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::test {

// Every node a cluster of its own.
inline Clustering unfused(const Graph& graph) {
  const GraphData& g = graph.data();
  Clustering out;
  for (NodeId id = 0; id < g.nodes().size(); ++id) {
    const Node& n = g.node(id);
    if (n.op == Op::input || n.op == Op::parameter || (n.op == Op::constant && n.as<ConstantAttrs>().values.size() > 1)) continue;
    Cluster c;
    const auto how = kernel::lower_row(n.op).how;
    c.kind = kernel::is_inlined(g, n) || how == kernel::Lowering::reduction ? ClusterKind::loop
             : how == kernel::Lowering::contraction                        ? ClusterKind::contraction
             : how == kernel::Lowering::index                              ? ClusterKind::index
                                                                           : ClusterKind::structure;
    c.nodes = {id};
    c.inputs = n.operands;
    std::sort(c.inputs.begin(), c.inputs.end());
    c.inputs.erase(std::unique(c.inputs.begin(), c.inputs.end()), c.inputs.end());
    for (std::uint32_t o = 0; o < n.types.size(); ++o) c.outputs.push_back({id, o});
    out.clusters.push_back(std::move(c));
  }
  return out;
}

}  // namespace uwaga::test
