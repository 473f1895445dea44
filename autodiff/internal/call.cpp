// The derivative of a call is a call: NAME_jvp of (operands, tangents), NAME_backward of (operands, cotangents), each
// with the options of the original and a body derived once per signature. Tangents and cotangents that are zero are
// left out.
#include <fmt/format.h>
#include <uwaga/autodiff/internal/bodies.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga::autodiff {
namespace {

std::string input_name(const Graph& body, std::size_t i) { return body->node(body->inputs()[i]).as<InputAttrs>().name; }

Hash128 signature(const Node& call, std::string_view kind, const std::vector<bool>& given,
                  const std::vector<bool>& wanted) {
  Hasher h;
  h.bytes(kind).hash(structural_hash(call.attributes));
  for (const auto* mask : {&given, &wanted}) {
    h.word(mask->size());
    for (bool b : *mask) h.word(b ? 1 : 0);
  }
  return h.finish();
}

CompositeRef derived_composite(const Composite& of, const char* suffix) {
  auto out = std::make_shared<Composite>();
  out->name = of.name + suffix;
  out->version = of.version;
  return out;
}

std::vector<bool> presence(const std::vector<Maybe>& m) {
  std::vector<bool> out;
  for (const Maybe& i : m) out.push_back(i.has_value());
  return out;
}

Derived derive_jvp(Context& context, const GraphPtr& graph, const Node& node, const std::vector<bool>& given) {
  const auto& a = node.as<CallAttrs>();
  BodyBuilder body(graph, graph->provenance().with_role(node.provenance, Role::backward));
  const std::vector<Tensor> operands = body.inputs_like(a.body);
  std::vector<Tensor> tangents;
  std::vector<Value> wrt;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!given[i]) continue;
    wrt.push_back(operands[i].value());
    tangents.push_back(body.input("tangent." + input_name(a.body, i), operands[i].type()));
  }
  const std::vector<Value> outputs = body.inlined(a.body, operands);
  const Tangents out = linearise(context, body.graph, outputs, wrt, tangents);
  for (std::size_t o = 0; o < out.size(); ++o)
    if (out[o]) body.output("tangent." + a.body->outputs()[o].name, *out[o]);
  return {derived_composite(*a.composite, "_jvp"), body.finish(), presence(out)};
}

Derived derive_backward(Context& context, const GraphPtr& graph, const Node& node, const std::vector<bool>& given,
                        const std::vector<bool>& wanted) {
  const auto& a = node.as<CallAttrs>();
  BodyBuilder body(graph, graph->provenance().with_role(node.provenance, Role::backward));
  const std::vector<Tensor> operands = body.inputs_like(a.body);
  std::vector<Maybe> cotangents;
  for (std::size_t o = 0; o < given.size(); ++o)
    cotangents.push_back(given[o] ? Maybe(body.input("cotangent." + a.body->outputs()[o].name, node.types[o]))
                                  : std::nullopt);
  std::vector<Value> wrt;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!wanted[i]) continue;
    wrt.push_back(operands[i].value());
    which.push_back(i);
  }
  const std::vector<Value> outputs = body.inlined(a.body, operands);
  const Tangents out = pull_back(context, body.graph, outputs, cotangents, wrt);
  std::vector<bool> present(operands.size(), false);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!out[i]) continue;
    present[which[i]] = true;
    body.output("cotangent." + input_name(a.body, which[i]), *out[i]);
  }
  return {derived_composite(*a.composite, "_backward"), body.finish(), present};
}

// The call of what was derived, its outputs spread over the places that are not zero.
Tangents call(const GraphPtr& graph, const Derived& derived, const Options& options, std::vector<Value> operands) {
  Tangents out(derived.present.size());
  if (derived.body->outputs().empty()) return out;
  const NodeId id = graph->add(Op::call, CallAttrs{derived.composite, options, derived.body}, std::move(operands),
                               graph->origin(std::source_location::current()));
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < out.size(); ++i)
    if (derived.present[i]) out[i] = Tensor(graph, {id, next++});
  return out;
}

Tangents named_backward(const Backward& b) {
  const auto& a = b.as<CallAttrs>();
  std::vector<Tensor> operands;
  for (Value v : b.node().operands) operands.emplace_back(b.graph, v);
  Tangents out = a.composite->backward(a.options, operands, outputs_of(b.graph, b.id), b.cotangents);
  if (out.size() != operands.size())
    throw Error(fmt::format("{}: the derivative that composite '{}' names gives {} cotangents for {} operands",
                            b.graph->provenance().brief(b.node().provenance), a.composite->name, out.size(),
                            operands.size()));
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i] && !same_type(out[i]->type(), operands[i].type()))
      throw Error(fmt::format(
          "{}: the derivative that composite '{}' names gives {} as the cotangent of operand {}, which is {}",
          b.graph->provenance().brief(b.node().provenance), a.composite->name, out[i]->type().str(), i,
          operands[i].type().str()));
  return out;
}

}  // namespace

Tangents linearise_call(const Forward& f) {
  const std::vector<bool> given = presence(f.tangents);
  const Hash128 key = signature(f.node(), "jvp", given, {});
  auto it = f.context.derived.find(key);
  if (it == f.context.derived.end())
    it = f.context.derived.emplace(key, derive_jvp(f.context, f.graph, f.node(), given)).first;

  std::vector<Value> operands = f.node().operands;
  for (const Maybe& t : f.tangents)
    if (t) operands.push_back(f.graph->adopt(t->data(), t->value()));
  return call(f.graph, it->second, f.as<CallAttrs>().options, std::move(operands));
}

Tangents backward_call(const Backward& b) {
  const auto& a = b.as<CallAttrs>();
  if (b.context.named && a.composite->backward) return named_backward(b);
  const std::vector<bool> given = presence(b.cotangents);
  const Hash128 key = signature(b.node(), b.context.named ? "backward" : "backward from the body", given, b.wanted);
  auto it = b.context.derived.find(key);
  if (it == b.context.derived.end())
    it = b.context.derived.emplace(key, derive_backward(b.context, b.graph, b.node(), given, b.wanted)).first;

  std::vector<Value> operands = b.node().operands;
  for (const Maybe& c : b.cotangents)
    if (c) operands.push_back(c->value());
  return call(b.graph, it->second, a.options, std::move(operands));
}

}  // namespace uwaga::autodiff
