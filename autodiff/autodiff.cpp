#include <fmt/format.h>
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/autodiff/internal/rules.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

using autodiff::GraphPtr;
using autodiff::Maybe;

// The graph that all these tensors are in, the innermost one, with what the caller's line is.
struct Site {
  GraphPtr graph;
  ProvenanceId origin = 0;

  Site(const std::vector<const std::vector<Tensor>*>& lists, Here where) {
    for (const auto* list : lists)
      for (const Tensor& t : *list)
        if (!graph || t.data().is_inside(*graph)) graph = t.shared_graph();
    if (!graph) throw Error(fmt::format("{}:{}: a derivative of nothing", base_name(where.file_name()), where.line()));
    origin = graph->origin(where);
  }
  Error error(const std::string& what) const {
    return Error(fmt::format("{}: {}", graph->provenance().brief(origin), what));
  }
  Tensor adopt(const Tensor& t) const { return {graph, graph->adopt(t.data(), t.value())}; }
  std::vector<Value> values(const std::vector<Tensor>& tensors) const {
    std::vector<Value> out;
    for (const Tensor& t : tensors) out.push_back(adopt(t).value());
    return out;
  }
  // "parameter 'h.0.weight'", "input 'x'", or the op and its line.
  std::string describe(Value v) const {
    const Node& n = graph->node(v.node);
    if (n.op == Op::parameter) return fmt::format("parameter '{}'", n.as<ParameterAttrs>().path);
    if (n.op == Op::input) return fmt::format("input '{}'", n.as<InputAttrs>().name);
    return fmt::format("the {} of {}", name(n.op), graph->provenance().brief(n.provenance));
  }
};

void check_float(const Site& site, const std::vector<Tensor>& tensors, const char* what) {
  for (const Tensor& t : tensors)
    if (!is_float(t.dtype()))
      throw site.error(fmt::format("{} wants floating dtypes; {} is {}", what, site.describe(site.adopt(t).value()),
                                   t.type().str()));
}

void check_like(const Site& site, const std::vector<Tensor>& these, const std::vector<Tensor>& like, const char* what) {
  if (these.size() != like.size())
    throw site.error(fmt::format("{} for {} tensors: {} are given", what, like.size(), these.size()));
  for (std::size_t i = 0; i < these.size(); ++i)
    if (!same_type(these[i].type(), like[i].type()))
      throw site.error(fmt::format("{} {} is {} instead of {}", what, i, these[i].type().str(), like[i].type().str()));
}

// Does `to` depend on `from` at all?
bool reaches(const GraphData& g, Value from, const std::vector<Value>& to) {
  std::vector<bool> needed(g.nodes().size(), false);
  for (Value v : to) needed[v.node] = true;
  for (std::size_t id = needed.size(); id-- > from.node;)
    if (needed[id])
      for (Value v : g.nodes()[id].operands) needed[v.node] = true;
  return needed[from.node];
}

std::vector<Tensor> pull_back(const Site& site, const std::vector<Value>& outputs, const std::vector<Maybe>& cotangents,
                              const std::vector<Tensor>& wrt, const GradOptions& options) {
  check_float(site, wrt, "a gradient");
  const std::vector<Value> at = site.values(wrt);
  autodiff::Context context{options.named, {}};
  const std::vector<Maybe> found = autodiff::pull_back(context, site.graph, outputs, cotangents, at);
  std::vector<Tensor> out;
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (!found[i] && !options.allow_unused)
      throw site.error(
          reaches(*site.graph, at[i], outputs)
              ? fmt::format(
                    "the loss depends on {} only through what is piecewise constant or stopped, so its gradient is 0; "
                    "set allow_unused, or freeze it in train_step, if that is meant",
                    site.describe(at[i]))
              : fmt::format("the loss does not depend on {}; set allow_unused, or freeze it in train_step, if that is meant", site.describe(at[i])));
    const ProvenanceGuard guard(
        *site.graph, site.graph->provenance().with_role(site.graph->node(at[i].node).provenance, Role::backward));
    const Tensor gradient = found[i] ? *found[i] : autodiff::zeros(site.graph, wrt[i].type());
    out.push_back(order(gradient, autodiff::axes_of(wrt[i].type().axes())));
  }
  return out;
}

}  // namespace

std::vector<Tensor> grad(const Tensor& loss, const std::vector<Tensor>& wrt, const GradOptions& options, Here where) {
  const std::vector<Tensor> losses{loss};
  const Site site({&losses, &wrt}, where);
  if (!is_float(loss.dtype()) || loss.type().rank() != 0)
    throw site.error(fmt::format("grad wants a floating scalar, not {}; sum it, or use vjp", loss.type().str()));
  const Value output = site.adopt(loss).value();
  const ProvenanceGuard guard(
      *site.graph, site.graph->provenance().with_role(site.graph->node(output.node).provenance, Role::backward));
  return pull_back(site, {output}, {constant(Graph(site.graph), 1.0, loss.dtype(), where)}, wrt, options);
}

std::map<std::string, Tensor> grad(const Tensor& loss, const GradOptions& options, Here where) {
  std::vector<Tensor> wrt;
  std::vector<std::string> paths;
  const std::shared_ptr<GraphData> graph = loss.data().outermost().shared_from_this();  // parameters are declared there
  for (const auto& [path, node] : graph->parameters()) {
    if (!graph->node(node).as<ParameterAttrs>().trainable) continue;
    wrt.emplace_back(graph, Value{node, 0});
    paths.push_back(path);
  }
  const std::vector<Tensor> gradients = grad(loss, wrt, options, where);
  std::map<std::string, Tensor> out;
  for (std::size_t i = 0; i < paths.size(); ++i) out.emplace(paths[i], gradients[i]);
  return out;
}

ValueAndGrad value_and_grad(const Tensor& loss, const GradOptions& options, Here where) {
  return {loss, grad(loss, options, where)};
}

std::vector<Tensor> vjp(const std::vector<Tensor>& outputs, const std::vector<Tensor>& wrt,
                        const std::vector<Tensor>& cotangents, const GradOptions& options, Here where) {
  const Site site({&outputs, &wrt, &cotangents}, where);
  check_float(site, outputs, "vjp");
  check_like(site, cotangents, outputs, "cotangent");
  std::vector<Maybe> given;
  for (const Tensor& c : cotangents) given.push_back(site.adopt(c));
  return pull_back(site, site.values(outputs), given, wrt, options);
}

std::vector<Tensor> jvp(const std::vector<Tensor>& outputs, const std::vector<Tensor>& wrt,
                        const std::vector<Tensor>& tangents, const GradOptions& options, Here where) {
  const Site site({&outputs, &wrt, &tangents}, where);
  check_float(site, outputs, "jvp");
  check_float(site, wrt, "jvp");
  check_like(site, tangents, wrt, "tangent");
  std::vector<Tensor> given;
  for (const Tensor& t : tangents) given.push_back(site.adopt(t));
  autodiff::Context context{options.named, {}};
  const std::vector<Maybe> found =
      autodiff::linearise(context, site.graph, site.values(outputs), site.values(wrt), given);
  std::vector<Tensor> out;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const ProvenanceGuard guard(*site.graph, site.origin);
    const Tensor tangent = found[i] ? *found[i] : autodiff::zeros(site.graph, outputs[i].type());
    out.push_back(order(tangent, autodiff::axes_of(outputs[i].type().axes())));
  }
  return out;
}

}  // namespace uwaga
