#include <fmt/format.h>
#include <uwaga/autodiff/internal/tangents.h>
#include <uwaga/autodiff/internal/transposer.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

#include <algorithm>

namespace uwaga::autodiff {

const Node& Linear::node() const { return transposer.linear_graph().node(id); }
bool Linear::is_linear(std::size_t i) const { return transposer.is_linear(node().operands[i].node); }
const Type& Linear::type(std::size_t i) const { return transposer.linear_graph().type(node().operands[i]); }
Tensor Linear::fixed(std::size_t i) const { return transposer.fixed(node().operands[i]); }
void Linear::give(std::size_t i, const Tensor& cotangent) const { transposer.give(node().operands[i].node, cotangent); }
Maybe Linear::take(std::size_t i) const { return transposer.take(node().operands[i].node); }

Transposer::Transposer(Context& context, GraphPtr primal, GraphPtr linear, std::vector<NodeId> tangent_inputs,
                       std::map<NodeId, Deferred> deferred)
    : context_(context),
      primal_(std::move(primal)),
      linear_(std::move(linear)),
      deferred_(std::move(deferred)),
      is_linear_(linear_->nodes().size(), false),
      cotangent_(linear_->nodes().size()),
      fixed_(linear_->nodes().size()) {
  for (NodeId id : tangent_inputs) is_linear_[id] = true;
  for (const auto& [first, d] : deferred_)
    for (const auto& o : d.outputs)
      if (o) is_linear_[*o] = true;
  for (NodeId id = 0; id < is_linear_.size(); ++id)
    for (Value v : linear_->node(id).operands)
      if (is_linear_[v.node]) is_linear_[id] = true;
  for (const auto& [outer, input] : linear_->captures) fixed_[input] = outer;
}

Tensor Transposer::fixed(Value v) {
  check_internal(!is_linear_[v.node], "a linear operand is taken for a fixed one");
  if (!fixed_[v.node]) {
    const Node& n = linear_->node(v.node);
    std::vector<Value> operands;
    for (Value o : n.operands) operands.push_back(fixed(o).value());
    fixed_[v.node] = Value{primal_->add(n.op, n.attributes, std::move(operands), n.provenance), 0};
  }
  return {primal_, {fixed_[v.node]->node, fixed_[v.node]->output}};
}

void Transposer::give(NodeId linear, const Tensor& cotangent) {
  check_internal(same_type(cotangent.type(), linear_->node(linear).types[0]), "a cotangent is not of its value's type");
  if (!cotangent_[linear]) {
    cotangent_[linear] = cotangent;
    return;
  }
  const ProvenanceGuard guard(*primal_, linear_->node(linear).provenance);
  cotangent_[linear] = *cotangent_[linear] + cotangent;
}

void Transposer::run() {
  for (NodeId id = static_cast<NodeId>(linear_->nodes().size()); id-- > 0;) {
    const Node& n = linear_->node(id);
    if (const auto d = deferred_.find(id); d != deferred_.end()) {
      reverse_deferred(d->second);
      continue;
    }
    if (n.op == Op::input || !is_linear_[id] || !cotangent_[id]) continue;
    const ProvenanceGuard guard(*primal_, n.provenance);
    const TransposeRow& row = transpose_row(n.op);
    for (std::size_t i = 0; i < n.operands.size(); ++i)
      if (is_linear_[n.operands[i].node] && row.linear != kAnyOperand && (row.linear >> i & 1) == 0)
        throw InternalError(fmt::format("{} is never linear in operand {}", name(n.op), i));
    const Tensor cotangent = *cotangent_[id];
    row.rule(Linear{*this, id, cotangent});
  }
}

void Transposer::reverse_deferred(const Deferred& d) {
  std::vector<Maybe> cotangents;
  bool any = false;
  for (const auto& o : d.outputs) {
    cotangents.push_back(o ? cotangent_[*o] : std::nullopt);
    any = any || cotangents.back();
  }
  if (!any) return;
  std::vector<bool> wanted;
  for (const auto& o : d.operands) wanted.push_back(o.has_value());
  const ProvenanceGuard guard(*primal_,
                              primal_->provenance().with_role(primal_->node(d.forward).provenance, Role::backward));
  const Tangents out = backward_body({context_, primal_, d.forward, wanted, cotangents});
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i] && d.operands[i]) give(*d.operands[i], *out[i]);
}

std::vector<Maybe> pull_back(Context& context, const GraphPtr& graph, const std::vector<Value>& outputs,
                             const std::vector<Maybe>& cotangents, const std::vector<Value>& wrt) {
  const auto linear = std::make_shared<GraphData>(graph->shared_provenance());
  linear->parent = graph;
  const auto tangent_input = [&](Value v, std::string name) {
    const ProvenanceId origin = graph->provenance().with_role(graph->node(v.node).provenance, Role::backward);
    return linear->add(Op::input, InputAttrs{std::move(name), graph->type(v)}, {}, origin);
  };
  Tangent tangent(graph);
  std::vector<NodeId> inputs;
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    inputs.push_back(tangent_input(wrt[i], fmt::format("tangent.{}", i)));
    tangent.add(wrt[i], Tensor(linear, {inputs.back(), 0}));
  }
  std::map<NodeId, Deferred> deferred;
  for (NodeId id : nodes_between(graph, outputs, wrt)) {
    const ProvenanceGuard guard(*graph, graph->provenance().with_role(graph->node(id).provenance, Role::backward));
    const std::vector<Maybe> operands = tangents_of_operands(graph->node(id), tangent);
    if (std::none_of(operands.begin(), operands.end(), [](const Maybe& m) { return m.has_value(); })) continue;
    const Forward f{context, graph, id, operands};
    if (linearise_row(f.node().op).how != Linearises::body) {
      tangent.add({id, 0}, linearise_node(f));
      continue;
    }
    Deferred d{id, {}, {}};
    std::vector<bool> active;
    for (const Maybe& m : operands) {
      d.operands.push_back(m ? std::optional(m->value().node) : std::nullopt);
      active.push_back(m.has_value());
    }
    const std::vector<bool> out = active_outputs(f.node(), active);
    std::optional<NodeId> first;
    for (std::uint32_t o = 0; o < out.size(); ++o) {
      d.outputs.push_back(std::nullopt);
      if (!out[o]) continue;
      d.outputs[o] = tangent_input({id, o}, fmt::format("tangent.{}.{}", id, o));
      if (!first) first = d.outputs[o];
    }
    for (std::uint32_t o = 0; o < out.size(); ++o)
      if (d.outputs[o]) tangent.add({id, o}, Tensor(linear, {*d.outputs[o], 0}));
    if (first) deferred.emplace(*first, std::move(d));
  }

  Transposer transposer(context, graph, linear, inputs, std::move(deferred));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (cotangents[i] && tangent.at(outputs[i])) transposer.give(tangent.at(outputs[i])->value().node, *cotangents[i]);
  transposer.run();
  std::vector<Maybe> out;
  for (NodeId id : inputs) out.push_back(transposer.cotangent(id));
  return out;
}

}  // namespace uwaga::autodiff
