#include "tests/runtime/questions.h"

#include <fmt/format.h>
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/autodiff/vmap.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/interpret.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/ir/example_inputs.h"

namespace uwaga::test {
namespace {

std::vector<Tensor> floating(const Graph& g, const std::vector<Value>& values) {
  std::vector<Tensor> out;
  for (const Value& v : values)
    if (is_float(g->type(v).dtype)) out.emplace_back(g.shared(), v);
  return out;
}

std::vector<Tensor> floating_inputs(const Graph& g) {
  std::vector<Value> values;
  for (NodeId id : g->inputs()) values.push_back({id, 0});
  return floating(g, values);
}

std::vector<Tensor> floating_outputs(const Graph& g) {
  std::vector<Value> values;
  for (const Output& o : g->outputs()) values.push_back(o.value);
  return floating(g, values);
}

std::vector<Tensor> inputs_like(Graph& g, const char* prefix, const std::vector<Tensor>& like) {
  std::vector<Tensor> out;
  for (std::size_t i = 0; i < like.size(); ++i) {
    Axes axes;
    for (const Dim& d : like[i].type().dims) axes.emplace_back(d.axis, d.extent);
    out.push_back(g.input(fmt::format("{}{}", prefix, i), like[i].dtype(), axes));
  }
  return out;
}

void add_outputs(Graph& g, const char* prefix, const std::vector<Tensor>& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) g->add_output(fmt::format("{}{}", prefix, i), outputs[i].value());
}

// Of this graph and the bodies inside.
void each_node(const GraphData& g, const std::function<void(const GraphData&, const Node&)>& f) {
  for (const Node& n : g.nodes()) {
    f(g, n);
    if (n.op == Op::call) each_node(n.as<CallAttrs>().body.data(), f);
    if (n.op == Op::scan) each_node(n.as<ScanAttrs>().body.data(), f);
    if (n.op == Op::cond) each_node(n.as<CondAttrs>().then_body.data(), f), each_node(n.as<CondAttrs>().else_body.data(), f);
  }
}

bool is_function(Op op) {
  switch (op) {
    case Op::exp: case Op::log: case Op::log1p: case Op::rsqrt: case Op::sin: case Op::cos: case Op::tanh: case Op::erf:
    case Op::sigmoid: case Op::pow: return true;
    default: return false;
  }
}

// How many terms a node adds up to one; 1 where it adds none.
double terms_of(const GraphData& g, const Node& n, const Sizes& sizes) {
  AxisNames over;
  if (n.op == Op::sum) over = n.as<ReduceAttrs>().over;
  if (n.op == Op::dot) over = n.as<DotAttrs>().over;
  if (n.op == Op::cumsum) over = {n.as<CumsumAttrs>().axis};
  double terms = 1;
  for (const std::string& axis : over) terms *= static_cast<double>(g.type(n.operands[0]).extent(axis).evaluate(sizes));
  return std::max(terms, 1.0);
}

}  // namespace

bool is_differentiable(const DTypeExample& e) {
  return is_float(e.dtype) && e.example.op != Op::bitcast && !floating_outputs(e.example.graph).empty();
}

Graph question_of(const DTypeExample& e, Question q) {
  Graph g(std::make_shared<GraphData>(e.example.graph.data()));
  if (q == Question::forward) return g;
  if (q == Question::vmap) {
    std::vector<std::string> names;
    for (NodeId id : g->inputs()) names.push_back(g->node(id).as<InputAttrs>().name);
    return vmap(g, Axis{"sample"}, names);
  }
  const std::vector<Tensor> x = floating_inputs(g), y = floating_outputs(g);
  const std::vector<Tensor> v = inputs_like(g, "v", x), u = inputs_like(g, "u", y);
  if (q == Question::derivatives) {
    add_outputs(g, "j", jvp(y, x, v));
    add_outputs(g, "d", vjp(y, x, u, {.allow_unused = true}));
    return g;
  }
  // The derivative along v of the gradient of sum(u y^2) / 2: second derivatives and products of first ones.
  std::vector<Tensor> cotangents;
  for (std::size_t i = 0; i < y.size(); ++i) cotangents.push_back(y[i] * u[i]);
  add_outputs(g, "d", jvp(vjp(y, x, cotangents, {.allow_unused = true}), x, v));
  return g;
}

Arrays question_inputs(const Graph& graph, const DTypeExample& e, const Sizes& sizes) {
  Arrays out;
  for (NodeId id : graph->inputs()) {
    const auto& a = graph->node(id).as<InputAttrs>();
    out.emplace(a.name, example_array(a.name, a.type, 5, e.example.low, e.example.high, e.example.index_limit, sizes));
  }
  return out;
}

Answer answer(const Graph& graph, const Arrays& inputs, const Sizes& sizes) {
  Answer out;
  double largest = 1, functions = 0, roundings = 0, u = 0, terms = 1;
  each_node(graph.data(), [&](const GraphData& g, const Node& n) {
    for (const Value& v : n.operands) functions += is_function(g.node(v.node).op);
    functions += is_function(n.op);
    terms = std::max(terms, terms_of(g, n, sizes));
    for (const Type& t : n.types)
      if (is_float(t.dtype) && n.op != Op::input) ++roundings, u = std::max(u, unit_roundoff(t.dtype));
  });
  InterpretOptions options;
  options.sizes = sizes;
  options.observe = [&](const GraphData&, NodeId, int, const Array& a) {
    if (!is_float(a.dtype())) return;
    for (std::int64_t i = 0; i < a.elements(); ++i)
      if (std::isfinite(a.at(i))) largest = std::max(largest, std::abs(a.at(i)));
  };
  out.outputs = interpret(graph, inputs, {}, Mode::typed, options).outputs;
  out.absolute = 2 * functions * terms * 2 * u * largest;
  out.rounding = 2 * roundings * terms * 2 * u * largest;
  return out;
}

std::string identity_difference(const Graph& derivatives, const Arrays& inputs, const Arrays& outputs, double rounding) {
  double forward = 0, backward = 0, allowed = 0;
  const auto add = [&](const std::string& given, const std::string& found, double& total) {
    const auto a = inputs.find(given), b = outputs.find(found);
    if (a == inputs.end() || b == outputs.end()) return;
    const Array x = b->second.reordered(a->second.axes());
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      total += a->second.at(i) * x.at(i);
      allowed += std::abs(a->second.at(i)) * rounding;
    }
  };
  for (std::size_t i = 0; i < derivatives->outputs().size(); ++i) {
    add(fmt::format("u{}", i), fmt::format("j{}", i), forward);
    add(fmt::format("v{}", i), fmt::format("d{}", i), backward);
  }
  if (std::abs(forward - backward) <= allowed) return "";
  return fmt::format("u.(Jv) is {} and v.(Jtu) is {}; allowed is {}", forward, backward, allowed);
}

std::string difference(const Arrays& have, const Answer& want) {
  for (const auto& [name, array] : want.outputs) {
    const auto found = have.find(name);
    if (found == have.end()) return "there is no " + name;
    const Array& mine = found->second;
    if (mine.dims() != array.dims() || mine.dtype() != array.dtype()) return fmt::format("{} is {} instead of {}", name, mine.str(), array.str());
    for (std::int64_t i = 0; i < array.elements(); ++i) {
      if (!is_float(array.dtype())) {
        if (mine.integer_at(i) == array.integer_at(i)) continue;
      } else {
        const double a = mine.at(i), b = array.at(i);
        if (a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= want.absolute) continue;
      }
      return fmt::format("element {} of {}, {}, is {} instead of {}; allowed is {}", i, name, array.str(), mine.at(i), array.at(i), want.absolute);
    }
  }
  return "";
}

}  // namespace uwaga::test
