#include <uwaga/autodiff/internal/bodies.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/canonical.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/rewrite.h>

#include <algorithm>

namespace uwaga::autodiff {

Tangents linearise_body(const Forward& f) {
  switch (f.node().op) {
    case Op::scan:
      return linearise_scan(f);
    case Op::cond:
      return linearise_cond(f);
    default:
      return linearise_call(f);
  }
}

Tangents backward_body(const Backward& b) {
  switch (b.node().op) {
    case Op::scan:
      return backward_scan(b);
    case Op::cond:
      return backward_cond(b);
    default:
      return backward_call(b);
  }
}

BodyBuilder::BodyBuilder(const GraphPtr& like, ProvenanceId origin)
    : graph(std::make_shared<GraphData>(like->shared_provenance())) {
  graph->provenance_override = origin;
}

Tensor BodyBuilder::input(std::string name, const Type& type) {
  const auto taken = [&](NodeId id) { return graph->node(id).as<InputAttrs>().name == name; };
  while (std::any_of(graph->inputs().begin(), graph->inputs().end(), taken)) name += "'";
  return {graph, {graph->add(Op::input, InputAttrs{name, type}, {}, *graph->provenance_override), 0}};
}

std::vector<Tensor> BodyBuilder::inputs_like(const Graph& body) {
  std::vector<Tensor> out;
  for (NodeId id : body->inputs()) out.push_back(input(body->node(id).as<InputAttrs>().name, body->node(id).types[0]));
  return out;
}

std::vector<Value> BodyBuilder::inlined(const Graph& body, const std::vector<Tensor>& operands) {
  constexpr ProvenanceId nothing_more = 0;
  std::vector<Value> values;
  for (const Tensor& t : operands) values.push_back(t.value());
  return inline_body(*graph, body, values, nothing_more);
}

void BodyBuilder::output(const std::string& name, const Tensor& value) {
  check_internal(&value.data() == graph.get(), "a body gives a value of another graph");
  graph->add_output(name, value.value());
}

Graph BodyBuilder::finish() {
  graph->provenance_override.reset();
  return canonicalise(Graph(graph), InputsBy::position);
}

std::vector<Tensor> outputs_of(const GraphPtr& graph, NodeId id) {
  std::vector<Tensor> out;
  for (std::uint32_t o = 0; o < graph->node(id).types.size(); ++o) out.emplace_back(graph, Value{id, o});
  return out;
}

}  // namespace uwaga::autodiff
