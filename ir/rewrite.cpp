#include <uwaga/ir/error.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {

Rewriter::Rewriter(const Graph& from) : from_(from), to_(empty_like(from)) {
  std::uint32_t values = 0;
  first_.reserve(from->nodes().size());
  for (const Node& n : from->nodes()) {
    first_.push_back(values);
    values += static_cast<std::uint32_t>(n.types.size());
  }
  values_.resize(values, kUnmapped);
}

Value Rewriter::now(Value old) const {
  const Value v = at(old);
  check_internal(v != kUnmapped, "a value is used before it is rewritten");
  return v;
}

void Rewriter::map(Value old, Value now) { values_[first_[old.node] + old.output] = now; }

NodeId Rewriter::copy(NodeId old, SharedAttributes attributes, ValueList operands) {
  const Node& n = from().node(old);
  const NodeId id = to().add_like(from(), old, std::move(attributes), std::move(operands), n.provenance);
  for (std::uint32_t i = 0; i < n.types.size(); ++i) map({old, i}, {id, i});
  return id;
}

void Rewriter::copy(NodeId old) {
  const Node& n = from().node(old);
  ValueList operands;
  operands.reserve(n.operands.size());
  for (Value v : n.operands) operands.push_back(now(v));
  copy(old, n.attributes, std::move(operands));
}

Value Rewriter::add(Op op, SharedAttributes attributes, ValueList operands) {
  return {to().add(op, std::move(attributes), std::move(operands), provenance()), 0};
}

void Rewriter::walk(const Hook& hook) {
  const auto n = static_cast<NodeId>(from().nodes().size());
  for (NodeId id = 0; id < n; ++id) {
    begin(id);
    if (!hook(*this, id)) copy(id);
  }
}

Graph Rewriter::finish() {
  std::vector<NodeId> inputs;
  for (NodeId id : from().inputs())
    if (is_mapped({id, 0}) && to().node(now({id, 0}).node).op == Op::input) inputs.push_back(now({id, 0}).node);
  if (inputs.size() == to().inputs().size() && inputs != to().inputs()) to().set_input_order(std::move(inputs));
  for (const Output& o : from().outputs()) to().add_output(o.name, now(o.value));
  for (const Update& u : from().updates()) to().add_update(u.path, now(u.value));
  return to_;
}

Graph rewrite(const Graph& from, const Rewriter::Hook& hook) {
  Rewriter r(from);
  r.walk(hook);
  return r.finish();
}

std::vector<Value> inline_body(GraphData& to, const Graph& body, const std::vector<Value>& operands,
                               ProvenanceId caller) {
  const auto& nodes = body->nodes();
  check_internal(operands.size() == body->inputs().size(), "a body is inlined with a wrong number of operands");
  std::vector<NodeId> now(nodes.size());
  std::vector<Value> inputs(nodes.size());
  for (std::size_t i = 0; i < operands.size(); ++i) inputs[body->inputs()[i]] = operands[i];
  const auto value = [&](Value v) {
    return nodes[v.node].op == Op::input ? inputs[v.node] : Value{now[v.node], v.output};
  };
  const std::vector<bool> live = live_nodes(body);
  Provenance& table = to.provenance();
  // Most nodes of a body have one provenance.
  ProvenanceId last = 0, united = 0;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const Node& n = nodes[id];
    if (n.op == Op::input || !live[id]) continue;
    if (united == 0 || n.provenance != last) united = table.unite(table.import(body->provenance(), last = n.provenance), caller);
    ValueList mine;
    mine.reserve(n.operands.size());
    for (Value v : n.operands) mine.push_back(value(v));
    now[id] = to.add_like(body.data(), id, n.attributes, std::move(mine), united);
  }
  std::vector<Value> out;
  for (const Output& o : body->outputs()) out.push_back(value(o.value));
  return out;
}

std::vector<bool> live_nodes(const Graph& graph) {
  const GraphData& g = graph.data();
  std::vector<bool> live(g.nodes().size(), false);
  for (const Output& o : g.outputs()) live[o.value.node] = true;
  // Updates of a graph in canonical order follow each other as the slots do.
  auto slot = g.parameters().begin();
  for (const Update& u : g.updates()) {
    live[u.value.node] = true;
    if (slot == g.parameters().end() || slot->first != u.path) slot = g.parameters().find(u.path);
    if (slot != g.parameters().end()) live[slot++->second] = true;
  }
  for (NodeId id : g.inputs()) live[id] = true;
  for (std::size_t id = live.size(); id-- > 0;)
    if (live[id])
      for (Value v : g.nodes()[id].operands) live[v.node] = true;
  return live;
}

}  // namespace uwaga
