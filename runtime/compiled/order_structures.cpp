#include <algorithm>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/rewrite.h>
#include <uwaga/runtime/compiled/internal/passes.h>

namespace uwaga {
namespace {

Value ordered(Rewriter& r, Value v, const AxisNames& axes) {
  if (r.to().type(v).axes() == axes) return v;
  return r.add(Op::order, OrderAttrs{axes}, {v});
}

// A body whose outputs are written in these orders.
Graph with_output_orders(const Graph& body, const std::vector<AxisNames>& orders) {
  Graph inner = order_structures(body);
  Graph out = rewrite(inner, [](Rewriter&, NodeId) { return false; });
  bool same = true;
  for (std::size_t i = 0; i < orders.size(); ++i) same = same && out->type(out->outputs()[i].value).axes() == orders[i];
  if (same) return out;
  auto data = std::make_shared<GraphData>(*out.shared());
  data->set_outputs({});
  for (std::size_t i = 0; i < orders.size(); ++i) {
    Value v = out->outputs()[i].value;
    if (data->type(v).axes() != orders[i])
      v = {data->add(Op::order, OrderAttrs{orders[i]}, {v}, data->node(v.node).provenance), 0};
    data->add_output(out->outputs()[i].name, v);
  }
  return Graph(data);
}

AxisNames behind(const std::string& axis, AxisNames rest) {
  rest.insert(rest.begin(), axis);
  return rest;
}

bool rewrite_scan(Rewriter& r, NodeId id) {
  const Node& n = r.from().node(id);
  ScanAttrs a = n.as<ScanAttrs>();
  std::vector<AxisNames> body_in;
  for (NodeId i : a.body->inputs()) body_in.push_back(a.body->node(i).types[0].axes());
  const auto carries = static_cast<std::size_t>(a.carries), slices = static_cast<std::size_t>(a.slices);
  std::vector<Value> operands;
  for (std::size_t i = 0; i < n.operands.size(); ++i) {
    AxisNames want = body_in[i < carries + slices ? i : i + 1];  // the index comes after the slices
    if (i >= carries && i < carries + slices) want = behind(a.axis, want);
    operands.push_back(ordered(r, r.now(n.operands[i]), want));
  }
  std::vector<AxisNames> body_out;
  for (std::size_t i = 0; i < n.types.size(); ++i)
    body_out.push_back(i < carries ? body_in[i] : a.body->type(a.body->outputs()[i].value).axes());
  a.body = with_output_orders(a.body, body_out);
  const NodeId made = r.copy(id, std::move(a), std::move(operands));
  for (std::uint32_t i = 0; i < n.types.size(); ++i)
    r.map({id, i}, ordered(r, {made, i}, n.types[i].axes()));
  return true;
}

bool rewrite_cond(Rewriter& r, NodeId id) {
  const Node& n = r.from().node(id);
  CondAttrs a = n.as<CondAttrs>();
  std::vector<Value> operands{r.now(n.operands[0])};
  for (std::size_t i = 1; i < n.operands.size(); ++i)
    operands.push_back(ordered(r, r.now(n.operands[i]), a.then_body->node(a.then_body->inputs()[i - 1]).types[0].axes()));
  std::vector<AxisNames> outs;
  for (const Type& t : n.types) outs.push_back(t.axes());
  a.then_body = with_output_orders(a.then_body, outs);
  a.else_body = with_output_orders(a.else_body, outs);
  const NodeId made = r.copy(id, std::move(a), std::move(operands));
  for (std::uint32_t i = 0; i < n.types.size(); ++i) r.map({id, i}, {made, i});
  return true;
}

bool lies_as_slot(const GraphData& g, const Update& u) {
  const Dims &now = g.type(u.value).dims, &slot = g.node(g.parameters().at(u.path)).types[0].dims;
  return now.shares(slot) || std::equal(now.begin(), now.end(), slot.begin(), slot.end(),
                                        [](const Dim& a, const Dim& b) { return a.axis == b.axis; });
}

// Most programs have no structures and their updates lie right: then a copy of the graph would be all the work.
bool is_ordered(const GraphData& g) {
  for (const Node& n : g.nodes())
    if (n.op == Op::scan || n.op == Op::cond) return false;
  return std::all_of(g.updates().begin(), g.updates().end(), [&](const Update& u) { return lies_as_slot(g, u); });
}

}  // namespace

Graph order_structures(const Graph& graph) {
  if (is_ordered(graph.data())) return graph;
  Graph out = rewrite(graph, [](Rewriter& r, NodeId id) {
    const Op op = r.from().node(id).op;
    if (op == Op::scan) return rewrite_scan(r, id);
    if (op == Op::cond) return rewrite_cond(r, id);
    return false;
  });
  // Updates lie as their slots do.
  auto data = out.shared();
  for (std::size_t i = 0; i < out->updates().size(); ++i) {
    const Update u = out->updates()[i];
    if (lies_as_slot(out.data(), u)) continue;
    const AxisNames slot = out->node(out->parameters().at(u.path)).types[0].axes();
    const Value v{data->add(Op::order, OrderAttrs{slot}, {u.value}, data->node(u.value.node).provenance), 0};
    data->set_update(i, v);
  }
  return out;
}

}  // namespace uwaga
