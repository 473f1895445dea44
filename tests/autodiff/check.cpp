#include "tests/autodiff/check.h"

#include <fmt/format.h>
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/verify.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/catch.h"

namespace uwaga::test {
namespace {

Sizes with_defaults(const Type& type, const Sizes& sizes) {
  Sizes out = sizes;
  for (const Dim& d : type.dims)
    for (const std::string& s : d.extent.symbols()) out.try_emplace(s, 3);
  return out;
}

Axes all_axes(const Tensor& x) {
  Axes out;
  for (const Dim& d : x.type().dims) out.emplace_back(d.axis);
  return out;
}

Tensor like(Graph& graph, const std::string& name, const Tensor& x) {
  return {graph.shared(),
          {graph->add(Op::input, InputAttrs{name, x.type()}, {}, graph->node(x.value().node).provenance), 0}};
}

// f at x + step * v, for all inputs that v has.
Arrays moved(const Arrays& x, const Arrays& v, double step) {
  Arrays out = x;
  for (const auto& [name, direction] : v) {
    Array& a = out[name];
    for (std::int64_t i = 0; i < a.elements(); ++i) a.set(i, a.at(i) + step * direction.at(i));
  }
  return out;
}

Array slope(const Array& after, const Array& before, double step) {
  Array out(f64, after.dims());
  for (std::int64_t i = 0; i < out.elements(); ++i) out.set(i, (after.at(i) - before.at(i)) / (2 * step));
  return out;
}

}  // namespace

Array random_array(const Type& type, const Draw& draw) {
  const Sizes sizes = with_defaults(type, draw.sizes);
  ArrayDims dims;
  for (const Dim& d : type.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
  std::mt19937_64 engine(draw.seed);
  Array out(is_float(type.dtype) ? f64 : type.dtype, std::move(dims));
  std::uniform_real_distribution<double> real(draw.low, draw.high);
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    if (is_float(type.dtype))
      out.set(i, real(engine));
    else if (type.dtype == boolean || type.rank() == 0)
      out.set_integer(i, static_cast<std::int64_t>(engine() % 2));
    else
      out.set_integer(i, static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(draw.index_limit)));
  }
  return out;
}

Arrays random_inputs(const Graph& graph, const Draw& draw) {
  Arrays out;
  Draw each = draw;
  for (NodeId id : graph->inputs()) {
    each.seed = each.seed * 6364136223846793005ull + 1442695040888963407ull;
    out.emplace(graph->node(id).as<InputAttrs>().name, random_array(graph->node(id).types[0], each));
  }
  return out;
}

double inner(const Array& a, const Array& b) {
  const Array same = b.reordered(a.axes());
  double out = 0;
  for (std::int64_t i = 0; i < a.elements(); ++i) out += a.at(i) * same.at(i);
  return out;
}

double norm(const Array& a) { return std::sqrt(inner(a, a)); }

double largest_difference(const Array& a, const Array& b) {
  const Array same = b.reordered(a.axes());
  double out = 0;
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    if (std::isnan(a.at(i)) || std::isnan(same.at(i))) return std::numeric_limits<double>::infinity();
    out = std::max(out, std::abs(a.at(i) - same.at(i)));
  }
  return out;
}

bool is_close(const Array& a, const Array& b, double relative) {
  return largest_difference(a, b) <= relative * (1 + norm(a) + norm(b));
}

std::vector<Tensor> floating_inputs(Graph graph) {
  std::vector<Tensor> out;
  for (NodeId id : graph->inputs())
    if (is_float(graph->node(id).types[0].dtype)) out.emplace_back(graph.shared(), Value{id, 0});
  return out;
}

std::vector<Tensor> floating_outputs(Graph graph) {
  std::vector<Tensor> out;
  for (const Output& o : graph->outputs())
    if (is_float(graph->type(o.value).dtype)) out.emplace_back(graph.shared(), o.value);
  return out;
}

std::vector<std::string> derivative_differences(Graph graph, const Draw& draw, const CheckOptions& options) {
  std::vector<std::string> out;
  const std::vector<Tensor> x = floating_inputs(graph), y = floating_outputs(graph);
  if (x.empty() || y.empty()) return out;
  std::vector<std::string> x_names, y_names;
  for (const Tensor& t : x) x_names.push_back(graph->node(t.value().node).as<InputAttrs>().name);
  for (const Output& o : graph->outputs())
    if (is_float(graph->type(o.value).dtype)) y_names.push_back(o.name);

  std::vector<Tensor> v, u;
  for (std::size_t i = 0; i < x.size(); ++i) v.push_back(like(graph, "v." + x_names[i], x[i]));
  for (std::size_t o = 0; o < y.size(); ++o) u.push_back(like(graph, "u." + y_names[o], y[o]));
  const std::vector<Tensor> jv = jvp(y, x, v);
  const std::vector<Tensor> ju = vjp(y, x, u, {.allow_unused = true});
  for (std::size_t o = 0; o < y.size(); ++o) graph->add_output("jv." + y_names[o], jv[o].value());
  for (std::size_t i = 0; i < x.size(); ++i) graph->add_output("ju." + x_names[i], ju[i].value());

  std::vector<Tensor> gradient, forward_over_reverse, reverse_over_reverse;
  if (options.second) {
    std::optional<Tensor> loss;
    for (std::size_t o = 0; o < y.size(); ++o) {
      const Tensor part = sum(sin(y[o]) * u[o], all_axes(y[o]));
      loss = loss ? *loss + cast(part, loss->dtype()) : part;
    }
    gradient = grad(*loss, x, {.allow_unused = true});
    forward_over_reverse = jvp(gradient, x, v);
    std::optional<Tensor> along;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Tensor part = sum(gradient[i] * v[i], all_axes(x[i]));
      along = along ? *along + part : part;
    }
    reverse_over_reverse = grad(*along, x, {.allow_unused = true});
    for (std::size_t i = 0; i < x.size(); ++i) {
      graph->add_output("g." + x_names[i], gradient[i].value());
      graph->add_output("fr." + x_names[i], forward_over_reverse[i].value());
      graph->add_output("rr." + x_names[i], reverse_over_reverse[i].value());
    }
  }

  verify(graph, "differentiation");
  const Arrays at = random_inputs(graph, draw), parameters = initial_parameters(graph, 1);
  const Results r = interpret(graph, at, parameters);
  double left = 0, right = 0, scale = 1;
  for (const std::string& n : y_names) {
    left += inner(r.outputs.at("jv." + n), at.at("u." + n));
    scale += norm(r.outputs.at("jv." + n)) * norm(at.at("u." + n));
  }
  for (const std::string& n : x_names) right += inner(r.outputs.at("ju." + n), at.at("v." + n));
  if (!(std::abs(left - right) <= 1e-12 * scale))
    out.push_back(fmt::format("<J v, u> is {} and <v, J' u> is {}", left, right));
  const auto want_close = [&](const std::string& what, const Array& a, const Array& b, double relative) {
    if (!is_close(a, b, relative))
      out.push_back(fmt::format("{}: {} is not {}, by {}", what, a.str(), b.str(), largest_difference(a, b)));
  };

  Tangents direction;
  Arrays v_of;
  for (const std::string& n : x_names) {
    direction.inputs.emplace(n, at.at("v." + n));
    v_of.emplace(n, at.at("v." + n));
  }
  const JvpResults dual = interpret_jvp(graph, at, parameters, direction);
  for (const std::string& n : y_names)
    want_close("tangent of " + n, r.outputs.at("jv." + n), dual.tangent.outputs.at(n), 1e-12);
  if (options.second)
    for (const std::string& n : x_names) {
      want_close("second derivative of " + n, r.outputs.at("fr." + n), dual.tangent.outputs.at("g." + n), 1e-11);
      want_close("second derivative of " + n + " in reverse", r.outputs.at("rr." + n), r.outputs.at("fr." + n), 1e-11);
    }
  if (options.differences) {
    const double step = 1e-5;
    const Results after = interpret(graph, moved(at, v_of, step), parameters),
                  before = interpret(graph, moved(at, v_of, -step), parameters);
    for (const std::string& n : y_names)
      want_close("tangent of " + n + " by a central difference", r.outputs.at("jv." + n),
                 slope(after.outputs.at(n), before.outputs.at(n), step), 1e-7);
  }
  return out;
}

void check_derivatives(Graph graph, const Draw& draw, const CheckOptions& options) {
  const std::vector<std::string> differences = derivative_differences(graph, draw, options);
  for (const std::string& d : differences) UNSCOPED_INFO(d);
  CHECK(differences.empty());
}

Graph with_floating_outputs(const Graph& graph) {
  const auto copy = std::make_shared<GraphData>(graph.data());
  const std::vector<Output> outputs = copy->outputs();
  for (const Output& o : outputs)
    if (!is_float(copy->type(o.value).dtype)) copy->add_output("f32." + o.name, cast(Tensor(copy, o.value), f32).value());
  return Graph(copy);
}

bool differentiates_in_silence(const Graph& graph) {
  const Graph copy(std::make_shared<GraphData>(graph.data()));
  const std::vector<Tensor> x = floating_inputs(copy), y = floating_outputs(copy);
  try {
    jvp(y, x, x);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace uwaga::test
