#include <uwaga/codegen/fuse/patches.h>

#include <algorithm>
#include <set>

#include <uwaga/ir/attributes.h>

namespace uwaga {
namespace {

// What a value is computed of, element by element along the same axes, if it is one stored value and nothing else.
std::optional<Value> base_of(const GraphData& g, Value v, const std::function<bool(Value)>& is_stored) {
  if (is_stored(v)) return v;
  const Node& n = g.node(v.node);
  if (!is_elementwise(n.op) && n.op != Op::order && n.op != Op::tag && n.op != Op::stop_gradient) return std::nullopt;
  std::optional<Value> base;
  for (const Value& operand : n.operands) {
    const auto found = base_of(g, operand, is_stored);
    if (!found || (base && !(*base == *found))) return std::nullopt;
    base = found;
  }
  return base;
}

}  // namespace

std::optional<PatchSum> patch_sum(const GraphData& g, NodeId id, const std::function<bool(Value)>& is_stored) {
  const Node& sum = g.node(id);
  if (sum.op != Op::sum || sum.types[0].dtype != DType::f32) return std::nullopt;
  const AxisNames& over = sum.as<ReduceAttrs>().over;
  PatchSum out;
  out.sum = id;
  out.element = sum.operands[0];
  const Type& terms = g.type(out.element);
  if (over.size() != 2) return std::nullopt;
  for (std::size_t i = 0; i < 2; ++i) {
    if (!(terms.extent(over[i]) == Extent(kPatch))) return std::nullopt;
    out.sides[i].axis = over[i];
  }
  for (;; out.element = g.node(out.element.node).operands[0]) {
    const Node& n = g.node(out.element.node);
    if (is_stored(out.element) || (n.op != Op::split && n.op != Op::order)) break;
    if (n.op == Op::order) continue;
    const auto& split = n.as<SplitAttrs>();
    const auto side = std::find_if(out.sides.begin(), out.sides.end(), [&](const PatchSum::Side& s) { return s.axis == split.into.back().axis; });
    if (split.into.size() != 2 || side == out.sides.end() || !side->block.empty()) return std::nullopt;
    *side = {split.axis, split.into.front().axis};
  }
  const auto base = base_of(g, out.element, is_stored);
  if (!base) return std::nullopt;
  out.of = *base;
  return out;
}

std::vector<PatchSum> patch_sums(const GraphData& g, const Cluster& cluster) {
  std::vector<PatchSum> out;
  if (cluster.kind != ClusterKind::contraction || cluster.outputs.size() < 2) return out;
  const auto is_output = [&](Value v) {
    return g.node(v.node).op == Op::dot || std::find(cluster.outputs.begin(), cluster.outputs.end(), v) != cluster.outputs.end();
  };
  for (const Value& v : cluster.outputs)
    if (auto sum = patch_sum(g, v.node, is_output)) out.push_back(std::move(*sum));
  return out;
}

std::vector<std::size_t> nodes_behind(const GraphData& g, const Cluster& cluster, const std::vector<Value>& of, std::optional<Value> given) {
  std::set<NodeId> wanted;
  for (const Value& v : of) wanted.insert(v.node);
  std::vector<std::size_t> out;
  for (std::size_t i = cluster.nodes.size(); i-- > 0;) {
    const NodeId id = cluster.nodes[i];
    if (!wanted.contains(id) || (given && given->node == id)) continue;
    out.push_back(i);
    for (const Value& v : g.node(id).operands) wanted.insert(v.node);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Patched without_patch_sums(const GraphData& g, const Cluster& cluster) {
  Patched out{cluster, patch_sums(g, cluster), {}, {}};
  if (out.sums.empty()) return out;
  std::erase_if(out.core.outputs, [&](Value v) {
    return std::any_of(out.sums.begin(), out.sums.end(), [&](const PatchSum& s) { return s.sum == v.node; });
  });
  out.at = nodes_behind(g, cluster, out.core.outputs);
  out.core.nodes.clear();
  for (std::size_t i : out.at) out.core.nodes.push_back(cluster.nodes[i]);
  for (std::size_t i = 0, next = 0; i < cluster.nodes.size(); ++i) {
    if (next < out.core.nodes.size() && out.at[next] == i) {
      ++next;
      continue;
    }
    out.of_sums.push_back(cluster.nodes[i]);
    out.at.push_back(i);
  }
  return out;
}

NodeId naming_op(const GraphData& g, const Cluster& cluster) { return without_patch_sums(g, cluster).core.nodes.back(); }

}  // namespace uwaga
