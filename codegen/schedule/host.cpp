#include <uwaga/codegen/schedule.h>

#include <algorithm>

#include <uwaga/codegen/fuse/groups.h>
#include <uwaga/codegen/fuse/patches.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/codegen/schedule/attention.h>
#include <uwaga/codegen/schedule/columns.h>
#include <uwaga/codegen/schedule/contraction.h>
#include <uwaga/codegen/schedule/elementwise.h>
#include <uwaga/codegen/schedule/few_rows.h>
#include <uwaga/codegen/schedule/index_ops.h>
#include <uwaga/codegen/schedule/inner_products.h>
#include <uwaga/codegen/schedule/loops.h>
#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/codegen/schedule/row_blocks.h>
#include <uwaga/codegen/schedule/rows.h>
#include <uwaga/codegen/schedule/rows_and_sums.h>
#include <uwaga/codegen/schedule/stages.h>
#include <uwaga/codegen/whole_calls.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

// Terms up to which a reduction over everything is one row of one task.
constexpr std::int64_t kSerialTerms = 16384;

// Does a reduction along rows read its terms from afar, because what it reads lies with a kept axis fastest?
bool lies_across(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  const schedule::Stages s = schedule::stages_of(graph.data(), cluster);
  if (s.count != 1) return false;
  for (const Value& v : cluster.inputs) {
    const AxisNames order = schedule::stored_axes(graph.data(), layouts, v);
    if (order.empty() || graph->type(v).rank() != s.space.rank()) continue;
    return s.space.has(order.back()) && !(s.space.extent(order.back()) == Extent(1)) && std::find(s.over.begin(), s.over.end(), order.back()) == s.over.end();
  }
  return false;
}

bool is_short(const GraphData& g, NodeId full) {
  const auto terms = g.type(g.node(full).operands[0]).elements().constant();
  return terms && *terms <= kSerialTerms;
}

bool has_few_long_rows(const GraphData& g, const Cluster& cluster, const HostTarget& target) {
  const schedule::Stages s = schedule::stages_of(g, cluster);
  return schedule::divides(s.terms(), s.kept().constant(), 1, target);
}

Schedule loop_for_host(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  AxisNames over;
  for (NodeId id : cluster.nodes)
    if (const Group group = group_of(g, id); group.sweep != Sweep::none) {
      if (!over.empty() && group.over != over) return schedule::rows_and_sums(graph, cluster, layouts, target);
      over = group.over;
    }
  for (NodeId id : cluster.nodes) {
    const Group group = group_of(g, id);
    if (group.sweep == Sweep::none) continue;
    const bool across = group.sweep == Sweep::row && lies_across(graph, cluster, layouts);
    if (group.sweep == Sweep::column || across) return schedule::columns(graph, cluster, layouts, target);
    const bool apart = group.sweep == Sweep::full ? !is_short(g, id) : has_few_long_rows(g, cluster, target);
    return (apart ? schedule::row_blocks : schedule::rows)(graph, cluster, layouts, target);
  }
  return schedule::elementwise(graph, cluster, layouts, target);
}

Schedule index_for_host(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const Op op = graph->node(cluster.outputs.at(0).node).op;
  switch (op) {
    case Op::cumsum: return schedule::cumsum(graph, cluster, layouts, target);
    case Op::argmax: case Op::top_k: return schedule::selection(graph, cluster, layouts, target);
    case Op::scatter_add: return schedule::scatter_add(graph, cluster, layouts, target);
    case Op::dynamic_update: return schedule::elementwise(graph, cluster, layouts, target);
    default: throw InternalError("no host schedule for op " + std::string(name(op)));
  }
}

// What the kernels of `part` compute is here and there in the cluster, and their temporaries come after its own.
void append(Schedule& to, Schedule part, const std::vector<std::size_t>& nodes) {
  for (ScheduledKernel& k : part.kernels) {
    for (Value& v : k.buffers)
      if (v.node == kTemporary) v.output += static_cast<std::uint32_t>(to.temporaries.size());
    k.nodes = nodes;
    to.kernels.push_back(std::move(k));
  }
  to.temporaries.insert(to.temporaries.end(), part.temporaries.begin(), part.temporaries.end());
}

// A product, and the sums over patches that it takes along, or else that come after it.
Schedule contraction_for_host(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  if (has_inner_products(graph, cluster, layouts, target)) return schedule_inner_products(graph, cluster, layouts, target);
  Patched whole = without_patch_sums(graph.data(), cluster);
  const bool few = has_few_rows(graph, whole.core, layouts, target);
  if (whole.sums.empty()) return few ? schedule_few_rows(graph, cluster, layouts, target) : schedule_contraction(graph, whole, layouts, target);
  Schedule out;
  if (!few && takes_patch_sums(graph, whole, layouts, target)) {
    append(out, schedule_contraction(graph, whole, layouts, target), whole.at);
    return out;
  }
  Patched alone{whole.core, {}, {}, {}};
  std::vector<Value> between;  // what is stored for the sums alone
  for (const PatchSum& sum : whole.sums)
    if (auto& outputs = alone.core.outputs; std::find(outputs.begin(), outputs.end(), sum.of) == outputs.end()) {
      between.push_back(sum.of);
      outputs.push_back(sum.of);
    }
  append(out, few ? schedule_few_rows(graph, alone.core, layouts, target) : schedule_contraction(graph, alone, layouts, target), whole.at);
  for (const PatchSum& sum : whole.sums) {
    Cluster after;
    after.inputs = {sum.of};
    after.outputs = {{sum.sum, 0}};
    const std::vector<std::size_t> at = nodes_behind(graph.data(), cluster, after.outputs, sum.of);
    for (std::size_t i : at) after.nodes.push_back(cluster.nodes[i]);
    append(out, loop_for_host(graph, after, layouts, target), at);
  }
  for (const Value& v : between) {
    const Value temporary{kTemporary, static_cast<std::uint32_t>(out.temporaries.size())};
    out.temporaries.push_back({graph->type(v).dtype, graph->type(v).elements()});
    for (ScheduledKernel& k : out.kernels) std::replace(k.buffers.begin(), k.buffers.end(), v, temporary);
  }
  return out;
}

Schedule written_for_host(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  switch (cluster.kind) {
    case ClusterKind::index: return index_for_host(graph, cluster, layouts, target);
    case ClusterKind::contraction: return contraction_for_host(graph, cluster, layouts, target);
    case ClusterKind::attention: return schedule::attention(graph, cluster, layouts, target);
    case ClusterKind::loop: return loop_for_host(graph, cluster, layouts, target);
    default: throw InternalError("no host schedule for a cluster of kind " + std::string(name(cluster.kind)));
  }
}

}  // namespace

Schedule schedule_for_host(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  return with_calls_written(graph, cluster, layouts, [&](const Graph& g, const Cluster& c, const Layouts& l) {
    return written_for_host(g, c, l, target);
  });
}

}  // namespace uwaga
