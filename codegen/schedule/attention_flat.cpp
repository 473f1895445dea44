#include <uwaga/codegen/schedule/attention_flat.h>

#include <uwaga/codegen/attention.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga::schedule {
namespace {

void map_ordinals(std::vector<kernel::Stmt>& statements, const auto& now) {
  for (kernel::Stmt& s : statements) {
    s.ordinal = now(s.ordinal);
    map_ordinals(s.body, now);
    map_ordinals(s.otherwise, now);
  }
}

// The lines of an op of the body, as seen from the call: equal layers share derived bodies, whose scope is the first one's.
ProvenanceId lines_in(Provenance& table, ProvenanceId own, ProvenanceId call) {
  const std::vector<Origin> callers = table.origins(call);
  if (callers.empty()) return own;
  const ScopeId scope = callers[0].scope;
  std::vector<ProvenanceId> out;
  for (const Origin& o : table.origins(own)) {
    ScopeId at = o.scope;
    while (at != 0 && at != scope) at = table.scope_entry(at).parent;
    out.push_back(table.single(o.file, o.line, at == scope ? o.scope : scope, o.role));
  }
  return table.unite(out);
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
  const auto now = [this](kernel::Ordinal o) { return o == kAlgorithm ? call : ordinals.at(o); };
  for (kernel::Expr& e : inner.kernel.exprs) e.ordinal = now(e.ordinal);
  map_ordinals(inner.kernel.body, now);
  inner.origins = origins;
  return inner;
}

const Node* FlatAttention::body_node(std::size_t ordinal) const {
  const std::size_t at = ordinal - outer_nodes;
  return ordinal < outer_nodes || at >= cluster.nodes.size() ? nullptr : &graph->node(cluster.nodes[at]);
}

FlatAttention flatten_attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  const GraphData& g = graph.data();
  FlatAttention out{Graph(std::make_shared<GraphData>(g.shared_provenance())), {}, {}, {}, {}, {}, {}, 0, {}, cluster.nodes.size()};
  GraphData& to = out.graph.data();
  std::map<Value, Value> now;
  std::map<NodeId, kernel::Ordinal> outside;  // what stands outside the call, by its copy
  const auto layout = [&](Value inner, Value v) {
    out.outer[inner] = v;
    if (const auto it = layouts.find(v); it != layouts.end()) out.layouts[inner] = it->second;
  };
  for (std::size_t i = 0; i < cluster.inputs.size(); ++i) {
    const Value v = cluster.inputs[i];
    now[v] = {to.add(Op::input, InputAttrs{"in" + std::to_string(i), g.type(v)}, {}, g.node(v.node).provenance), 0};
    layout(now[v], v);
  }
  ProvenanceId call_origin = 0;
  for (std::size_t i = 0; i < cluster.nodes.size(); ++i) {
    const NodeId id = cluster.nodes[i];
    const Node& n = g.node(id);
    out.origins.push_back(n.provenance);
    std::vector<Value> operands;
    for (Value v : n.operands) operands.push_back(now.at(v));
    if (n.op != Op::call) {
      const NodeId copy = to.add(n.op, n.attributes, std::move(operands), n.provenance);
      outside[copy] = static_cast<kernel::Ordinal>(i);
      for (std::uint32_t o = 0; o < n.types.size(); ++o) now[{id, o}] = {copy, o};
      continue;
    }
    const auto& call = n.as<CallAttrs>();
    out.call = static_cast<kernel::Ordinal>(i);
    out.query = text_option(call, "query");
    out.key = text_option(call, "key");
    call_origin = n.provenance;
    constexpr ProvenanceId nothing_more = 0;
    const std::vector<Value> values = inline_body(to, attention_body(call), operands, nothing_more);
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
  for (std::size_t i = 0; i < out.cluster.nodes.size(); ++i) {
    const NodeId id = out.cluster.nodes[i];
    const auto own = outside.find(id);
    out.ordinals.push_back(own != outside.end() ? own->second : static_cast<kernel::Ordinal>(out.outer_nodes + i));
    const ProvenanceId lines = to.node(id).provenance;
    out.origins.push_back(own != outside.end() ? lines : lines_in(to.provenance(), lines, call_origin));
  }
  return out;
}

}  // namespace uwaga::schedule
