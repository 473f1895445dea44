#include <fmt/format.h>
#include <uwaga/autodiff/internal/bodies.h>
#include <uwaga/autodiff/internal/tangents.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

#include <algorithm>
#include <map>

namespace uwaga::autodiff {
namespace {

// Scan: a carry is active too if what comes back for it is.
std::vector<bool> active_outputs_of_scan(const Node& node, const std::vector<bool>& operands) {
  const auto& a = node.as<ScanAttrs>();
  const auto carries = static_cast<std::size_t>(a.carries);
  std::vector<bool> active = active_scan_inputs(node, operands);
  std::vector<bool> out = active_outputs(a.body, active);
  for (std::size_t i = 0; i < carries; ++i) out[i] = active[i];
  return out;
}

}  // namespace

std::vector<bool> active_scan_inputs(const Node& node, const std::vector<bool>& operands) {
  const auto& a = node.as<ScanAttrs>();
  const auto carries = static_cast<std::size_t>(a.carries), slices = static_cast<std::size_t>(a.slices);
  std::vector<bool> inputs = operands;
  inputs.insert(inputs.begin() + static_cast<std::ptrdiff_t>(carries + slices), false);  // the index
  for (bool grown = true; grown;) {
    grown = false;
    const std::vector<bool> out = active_outputs(a.body, inputs);
    for (std::size_t i = 0; i < carries; ++i)
      if (out[i] && !inputs[i]) inputs[i] = grown = true;
  }
  return inputs;
}

std::vector<bool> active_outputs(const Graph& body, const std::vector<bool>& inputs) {
  std::vector<std::vector<bool>> active(body->nodes().size());
  for (std::size_t i = 0; i < inputs.size(); ++i) active[body->inputs()[i]] = {inputs[i]};
  for (NodeId id = 0; id < active.size(); ++id) {
    const Node& n = body->node(id);
    if (n.op == Op::input) continue;
    std::vector<bool> operands(n.operands.size());
    for (std::size_t i = 0; i < operands.size(); ++i) operands[i] = active[n.operands[i].node][n.operands[i].output];
    active[id] = active_outputs(n, operands);
  }
  std::vector<bool> out(body->outputs().size());
  for (std::size_t o = 0; o < out.size(); ++o) out[o] = active[body->outputs()[o].value.node][body->outputs()[o].value.output];
  return out;
}

std::vector<bool> active_outputs(const Node& node, const std::vector<bool>& operands) {
  std::vector<bool> out(node.types.size(), false);
  if (std::find(operands.begin(), operands.end(), true) == operands.end()) return out;
  const auto& row = linearise_row(node.op);
  if (row.how == Linearises::zero) return out;
  if (row.how != Linearises::body) {
    for (std::size_t o = 0; o < out.size(); ++o) out[o] = is_float(node.types[o].dtype) || row.how == Linearises::none;
    return out;
  }
  if (node.op == Op::call) return active_outputs(node.as<CallAttrs>().body, operands);
  if (node.op == Op::scan) return active_outputs_of_scan(node, operands);
  const std::vector<bool> inputs(operands.begin() + 1, operands.end());
  const auto& a = node.as<CondAttrs>();
  const std::vector<bool> yes = active_outputs(a.then_body, inputs), no = active_outputs(a.else_body, inputs);
  for (std::size_t o = 0; o < out.size(); ++o) out[o] = yes[o] || no[o];
  return out;
}

std::vector<NodeId> nodes_between(const GraphPtr& graph, const std::vector<Value>& outputs,
                                  const std::vector<Value>& wrt) {
  const std::size_t size = graph->nodes().size();
  std::vector<bool> needed(size, false);
  for (Value v : outputs) needed[v.node] = true;
  for (std::size_t id = size; id-- > 0;)
    if (needed[id])
      for (Value v : graph->nodes()[id].operands) needed[v.node] = true;

  std::vector<std::size_t> first(size);  // of a node's values in `active`
  std::vector<bool> active;
  std::vector<bool> operands;
  std::vector<std::uint32_t> depth(size, 0);
  std::vector<NodeId> out;
  std::multimap<NodeId, std::uint32_t> seeds;
  for (Value v : wrt) seeds.emplace(v.node, v.output);
  for (NodeId id = 0; id < size; ++id) {
    const Node& n = graph->node(id);
    first[id] = active.size();
    active.resize(active.size() + n.types.size(), false);
    if (!needed[id]) continue;
    operands.clear();
    for (Value v : n.operands) {
      operands.push_back(active[first[v.node] + v.output]);
      depth[id] = std::max(depth[id], depth[v.node] + 1);
    }
    if (std::find(operands.begin(), operands.end(), true) != operands.end()) {
      const std::vector<bool> mine = active_outputs(n, operands);
      std::copy(mine.begin(), mine.end(), active.begin() + static_cast<std::ptrdiff_t>(first[id]));
      if (std::find(mine.begin(), mine.end(), true) != mine.end()) out.push_back(id);
    }
    for (auto [seed, last] = seeds.equal_range(id); seed != last; ++seed) active[first[id] + seed->second] = true;
  }
  const std::vector<Hash128> hash = node_hashes(Graph(graph));
  std::sort(out.begin(), out.end(), [&](NodeId a, NodeId b) {
    if (depth[a] != depth[b]) return depth[a] < depth[b];
    return hash[a] != hash[b] ? hash[a] < hash[b] : a < b;
  });
  return out;
}

Tangent::Tangent(const GraphPtr& graph) : values_(graph->nodes().size()) {}

const Maybe& Tangent::at(Value v) const {
  static const Maybe zero;
  const auto& outputs = values_[v.node];
  return v.output < outputs.size() ? outputs[v.output] : zero;
}

void Tangent::add(Value v, const Maybe& tangent) {
  auto& outputs = values_[v.node];
  if (outputs.size() <= v.output) outputs.resize(v.output + 1);
  outputs[v.output] = plus(tangent, outputs[v.output]);
}

std::vector<Maybe> tangents_of_operands(const Node& node, const Tangent& tangent) {
  std::vector<Maybe> out;
  for (Value v : node.operands) out.push_back(tangent.at(v));
  return out;
}

Maybe linearise_node(const Forward& f) {
  const auto& row = linearise_row(f.node().op);
  if (row.how == Linearises::none)
    throw Error(
        fmt::format("{}: {} has no derivative", f.graph->provenance().brief(f.node().provenance), name(row.op)));
  return row.rule(f);
}

std::vector<Maybe> linearise(Context& context, const GraphPtr& graph, const std::vector<Value>& outputs,
                             const std::vector<Value>& wrt, const std::vector<Tensor>& tangents) {
  Tangent tangent(graph);
  for (std::size_t i = 0; i < wrt.size(); ++i) tangent.add(wrt[i], tangents[i]);
  for (NodeId id : nodes_between(graph, outputs, wrt)) {
    const ProvenanceGuard guard(*graph, graph->provenance().with_role(graph->node(id).provenance, Role::backward));
    const std::vector<Maybe> operands = tangents_of_operands(graph->node(id), tangent);
    if (std::none_of(operands.begin(), operands.end(), [](const Maybe& m) { return m.has_value(); })) continue;
    const Forward f{context, graph, id, operands};
    if (linearise_row(f.node().op).how == Linearises::body) {
      const Tangents out = linearise_body(f);
      for (std::uint32_t o = 0; o < out.size(); ++o) tangent.add({id, o}, out[o]);
    } else {
      tangent.add({id, 0}, linearise_node(f));
    }
  }
  std::vector<Maybe> out;
  for (Value v : outputs) out.push_back(tangent.at(v));
  return out;
}

}  // namespace uwaga::autodiff
