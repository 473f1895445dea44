// The derivative of a cond is a cond: each branch recomputes what it needs of its own forward part, so that a branch
// that does not run costs nothing.
#include <fmt/format.h>
#include <uwaga/autodiff/internal/bodies.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::autodiff {
namespace {

// A branch of the derivative before its zeros are settled: both branches must give the same outputs.
struct BranchDerivative {
  BodyBuilder body;
  Tangents results;
};

void settle(BranchDerivative& branch, const std::vector<bool>& present, const std::vector<Type>& types) {
  for (std::size_t i = 0; i < present.size(); ++i)
    if (present[i])
      branch.body.output(fmt::format("out{}", i),
                         branch.results[i] ? *branch.results[i] : zeros(branch.body.graph, types[i]));
}

Tangents join(const GraphPtr& graph, std::vector<Value> operands, BranchDerivative& yes, BranchDerivative& no,
              const std::vector<Type>& types) {
  Tangents out(types.size());
  std::vector<bool> present;
  bool any = false;
  for (std::size_t i = 0; i < types.size(); ++i) {
    present.push_back(yes.results[i] || no.results[i]);
    any = any || present[i];
  }
  if (!any) return out;
  settle(yes, present, types);
  settle(no, present, types);
  const NodeId id = graph->add(Op::cond, CondAttrs{yes.body.finish(), no.body.finish()}, std::move(operands),
                               graph->origin(std::source_location::current()));
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < types.size(); ++i)
    if (present[i]) out[i] = Tensor(graph, {id, next++});
  return out;
}

}  // namespace

Tangents linearise_cond(const Forward& f) {
  const ProvenanceId origin = f.graph->origin(std::source_location::current());
  const auto derive = [&](const Graph& branch) {
    BranchDerivative out{BodyBuilder(f.graph, origin), {}};
    const std::vector<Tensor> inputs = out.body.inputs_like(branch);
    std::vector<Value> wrt;
    std::vector<Tensor> tangents;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!f.tangents[i + 1]) continue;
      wrt.push_back(inputs[i].value());
      tangents.push_back(out.body.input(fmt::format("tangent.{}", i), inputs[i].type()));
    }
    const std::vector<Value> outputs = out.body.inlined(branch, inputs);
    out.results = linearise(f.context, out.body.graph, outputs, wrt, tangents);
    return out;
  };
  const CondAttrs a = f.as<CondAttrs>();
  BranchDerivative yes = derive(a.then_body);
  BranchDerivative no = derive(a.else_body);
  std::vector<Value> operands = f.node().operands;
  for (const Maybe& t : f.tangents)
    if (t) operands.push_back(t->value());
  return join(f.graph, std::move(operands), yes, no, f.node().types);
}

Tangents backward_cond(const Backward& b) {
  const ProvenanceId origin = b.graph->origin(std::source_location::current());
  const auto derive = [&](const Graph& branch) {
    BranchDerivative out{BodyBuilder(b.graph, origin), Tangents(b.wanted.size())};
    const std::vector<Tensor> inputs = out.body.inputs_like(branch);
    std::vector<Maybe> cotangents;
    for (std::size_t o = 0; o < b.cotangents.size(); ++o)
      cotangents.push_back(b.cotangents[o] ? Maybe(out.body.input(fmt::format("cotangent.{}", o), b.node().types[o]))
                                           : std::nullopt);
    std::vector<Value> wrt;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!b.wanted[i + 1]) continue;
      wrt.push_back(inputs[i].value());
      which.push_back(i + 1);
    }
    const std::vector<Value> outputs = out.body.inlined(branch, inputs);
    const Tangents given = pull_back(b.context, out.body.graph, outputs, cotangents, wrt);
    for (std::size_t i = 0; i < given.size(); ++i) out.results[which[i]] = given[i];
    return out;
  };
  const CondAttrs a = b.as<CondAttrs>();
  BranchDerivative yes = derive(a.then_body);
  BranchDerivative no = derive(a.else_body);
  std::vector<Value> operands = b.node().operands;
  std::vector<Type> types;
  for (Value v : operands) types.push_back(b.graph->type(v));
  for (const Maybe& c : b.cotangents)
    if (c) operands.push_back(c->value());
  return join(b.graph, std::move(operands), yes, no, types);
}

}  // namespace uwaga::autodiff
