#include <uwaga/codegen/schedule/attention_flat.h>

#include <uwaga/codegen/attention.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga::schedule {
namespace {

void set_ordinals(std::vector<kernel::Stmt>& statements, kernel::Ordinal to) {
  for (kernel::Stmt& s : statements) {
    s.ordinal = to;
    set_ordinals(s.body, to);
    set_ordinals(s.otherwise, to);
  }
}

std::string text_option(const CallAttrs& call, const char* name) {
  for (const auto& [key, value] : call.options)
    if (key == name) return std::get<std::string>(value);
  throw InternalError(std::string("an attention call without the option ") + name);
}

}  // namespace

ScheduledKernel FlatAttention::outside(ScheduledKernel inner) const {
  for (Value& v : inner.buffers)
    if (v.node != kTemporary) v = outer.at(v);
  for (kernel::Expr& e : inner.kernel.exprs) e.ordinal = call;
  set_ordinals(inner.kernel.body, call);
  inner.origins = origins;
  return inner;
}

FlatAttention flatten_attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  const GraphData& g = graph.data();
  FlatAttention out{Graph(std::make_shared<GraphData>(g.shared_provenance())), {}, {}, {}, {}, {}, 0, {}};
  GraphData& to = out.graph.data();
  std::map<Value, Value> now;
  const auto layout = [&](Value inner, Value v) {
    out.outer[inner] = v;
    if (const auto it = layouts.find(v); it != layouts.end()) out.layouts[inner] = it->second;
  };
  for (std::size_t i = 0; i < cluster.inputs.size(); ++i) {
    const Value v = cluster.inputs[i];
    now[v] = {to.add(Op::input, InputAttrs{"in" + std::to_string(i), g.type(v)}, {}, g.node(v.node).provenance), 0};
    layout(now[v], v);
  }
  for (std::size_t i = 0; i < cluster.nodes.size(); ++i) {
    const NodeId id = cluster.nodes[i];
    const Node& n = g.node(id);
    out.origins.push_back(n.provenance);
    std::vector<Value> operands;
    for (Value v : n.operands) operands.push_back(now.at(v));
    if (n.op != Op::call) {
      const NodeId copy = to.add(n.op, n.attributes, std::move(operands), n.provenance);
      for (std::uint32_t o = 0; o < n.types.size(); ++o) now[{id, o}] = {copy, o};
      continue;
    }
    const auto& call = n.as<CallAttrs>();
    out.call = static_cast<kernel::Ordinal>(i);
    out.query = text_option(call, "query");
    out.key = text_option(call, "key");
    const std::vector<Value> values = inline_body(to, attention_body(call), operands, n.provenance);
    for (std::uint32_t o = 0; o < values.size(); ++o) now[{id, o}] = values[o];
  }
  for (std::size_t i = 0; i < cluster.outputs.size(); ++i) {
    const Value v = cluster.outputs[i];
    to.add_output("out" + std::to_string(i), now.at(v));
    layout(now.at(v), v);
    out.cluster.outputs.push_back(now.at(v));
  }
  out.cluster.kind = ClusterKind::attention;
  const std::vector<bool> live = live_nodes(out.graph);
  for (NodeId id = 0; id < to.nodes().size(); ++id) {
    if (to.node(id).op == Op::input) out.cluster.inputs.push_back({id, 0});
    else if (live[id]) out.cluster.nodes.push_back(id);
  }
  return out;
}

}  // namespace uwaga::schedule
