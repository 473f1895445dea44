#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/passes/passes.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const Axis batch{"batch", 2}, model{"model", 6};

struct Case {
  const char* what;
  std::function<std::vector<Tensor>(Graph&)> build;
  bool differences = true;
};

Tensor x_of(Graph& g) { return g.input("x", f32, {batch, model}); }
Tensor w_of(Graph& g, const char* name) { return g.input(name, f32, {model}); }

std::vector<Case> cases() {
  const Axis time{"time", 4}, key{"key", 4}, head{"head", 2}, depth{"depth", 6};
  const auto attend = [=](Graph& g, const AttentionOptions& o) {
    const Tensor q = g.input("q", f32, {batch, time, head, depth}), k = g.input("k", f32, {batch, key, head, depth});
    const Tensor v = g.input("v", f32, {batch, key, head, depth});
    return std::vector{attention(q, k, v, o)};
  };
  return {
      {"relu", [](Graph& g) { return std::vector{relu(x_of(g))}; }},
      {"gelu", [](Graph& g) { return std::vector{gelu(x_of(g))}; }},
      {"gelu_tanh", [](Graph& g) { return std::vector{gelu_tanh(x_of(g))}; }},
      {"silu", [](Graph& g) { return std::vector{silu(x_of(g))}; }},
      {"softplus", [](Graph& g) { return std::vector{softplus(x_of(g))}; }},
      {"softplus of much", [](Graph& g) { return std::vector{softplus(x_of(g) * 40.0)}; }},
      {"swiglu",
       [](Graph& g) {
         const Tensor x = x_of(g), y = g.input("y", f32, {batch, model});
         return std::vector{swiglu(x, y)};
       }},
      {"soft_cap", [](Graph& g) { return std::vector{soft_cap(x_of(g), 5)}; }},
      {"attention with dropout",
       [=](Graph& g) { return attend(g, {.query = time, .key = key, .depth = depth, .mask = causal(), .dropout = AttentionDropout{g.scope(), 0.3}}); }},
      {"softmax", [](Graph& g) { return std::vector{softmax(x_of(g), model)}; }},
      {"log_sum_exp", [](Graph& g) { return std::vector{log_sum_exp(x_of(g), model)}; }},
      {"rms_norm",
       [](Graph& g) {
         const Tensor x = x_of(g), w = w_of(g, "w");
         return std::vector{rms_norm(x, w, model, 1e-5)};
       }},
      {"layer_norm",
       [](Graph& g) {
         const Tensor x = x_of(g), w = w_of(g, "w"), b = w_of(g, "b");
         return std::vector{layer_norm(x, w, b, model, 1e-5)};
       }},
      {"cross_entropy",
       [](Graph& g) {
         const Tensor x = x_of(g), t = g.input("t", i32, {batch});
         return std::vector{cross_entropy(x, t, model)};
       }},
      {"embedding",
       [](Graph& g) {
         const Tensor x = x_of(g), t = g.input("t", i32, {{"time", 4}});
         return std::vector{embedding(x, t, model)};
       }},
      {"rope",
       [=](Graph& g) {
         return std::vector{rope(g.input("x", f32, {batch, time, depth}), time, depth)};
       }},
      {"attention", [=](Graph& g) { return attend(g, {.query = time, .key = key, .depth = depth}); }},
      {"causal attention",
       [=](Graph& g) { return attend(g, {.query = time, .key = key, .depth = depth, .mask = causal()}); }},
      {"attention with a learned bias and a cap",
       [=](Graph& g) {
         const Tensor bias = g.input("bias", f32, {head, time, key});
         return attend(g, {.query = time,
                           .key = key,
                           .depth = depth,
                           .score = [=](const Score& s) { return soft_cap(s.score, 3) + bias; },
                           .mask = causal()});
       }},
  };
}

Arrays gradients(Graph g, const GradOptions& options, Graph* as = nullptr) {
  const std::vector<Tensor> x = floating_inputs(g), y = floating_outputs(g);
  std::vector<Tensor> u;
  for (std::size_t o = 0; o < y.size(); ++o)
    u.push_back(Tensor(g.shared(), {g->add(Op::input, InputAttrs{"u" + std::to_string(o), y[o].type()}, {},
                                           g->node(y[o].value().node).provenance),
                                    0}));
  const std::vector<Tensor> d = vjp(y, x, u, options);
  for (std::size_t i = 0; i < x.size(); ++i)
    g->add_output("d." + g->node(x[i].value().node).as<InputAttrs>().name, d[i].value());
  if (as) *as = g;
  return interpret(g, random_inputs(g, {}), initial_parameters(g, 1)).outputs;
}

Graph graph_of(const Case& c) {
  Graph g;
  const std::vector<Tensor> out = c.build(g);
  for (std::size_t i = 0; i < out.size(); ++i) g->add_output("out" + std::to_string(i), out[i].value());
  return g;
}

std::set<std::string> calls_in(const Graph& g) {
  std::set<std::string> names;
  for (const Node& n : g->nodes())
    if (n.op == Op::call) names.insert(n.as<CallAttrs>().composite->name);
  return names;
}

}  // namespace

TEST_CASE("every composite's derivatives agree: forward, reverse, dual numbers, differences, second order") {
  for (const Case& c : cases()) {
    INFO(c.what);
    check_derivatives(graph_of(c), {.index_limit = 6}, {.second = true, .differences = c.differences});
  }
}

TEST_CASE("the derivative of a composite equals the derivative of its expanded body") {
  for (const Case& c : cases()) {
    INFO(c.what);
    const Arrays whole = gradients(graph_of(c), {}), open = gradients(expand(graph_of(c)), {});
    const Arrays derived = gradients(graph_of(c), {.named = false});
    REQUIRE(whole.size() == open.size());
    for (const auto& [name, value] : whole) {
      INFO(name);
      CHECK(is_close(value, open.at(name)));
      CHECK(is_close(value, derived.at(name)));
    }
  }
}

TEST_CASE("the derivative of a call is a call, derived once for all layers") {
  Graph g;
  Tensor x = x_of(g);
  for (int layer = 0; layer < 3; ++layer) x = softmax(x, model) * 2.0;
  grad(sum(x * x, {batch, model}), floating_inputs(g));
  CHECK(calls_in(g) == std::set<std::string>{"softmax", "softmax_backward"});
  std::set<const GraphData*> bodies;
  for (const Node& n : g->nodes())
    if (n.op == Op::call && n.as<CallAttrs>().composite->name == "softmax_backward")
      bodies.insert(&n.as<CallAttrs>().body.data());
  CHECK(bodies.size() == 1);

  Graph f;
  const Tensor in = x_of(f), out = softmax(in, model);
  jvp({out}, {in}, {in});
  CHECK(calls_in(f) == std::set<std::string>{"softmax", "softmax_jvp"});
}

TEST_CASE("once calls are expanded, a backward call shares what the forward computed") {
  Graph g;
  const Tensor x = x_of(g), y = softmax(x, model);
  g->add_output("y", y.value());
  g->add_output("d", grad(sum(y * y, {batch, model}), {x})[0].value());
  const Graph open = cse(expand(g));
  const auto count_of = [&](Op op) {
    int n = 0;
    for (const Node& node : open->nodes()) n += node.op == op;
    return n;
  };
  CHECK(count_of(Op::exp) == 1);
  CHECK(count_of(Op::reduce_max) == 1);
}

namespace {
std::vector<std::optional<Tensor>> triple_backward(const Options&, const std::vector<Tensor>& operands,
                                                   const std::vector<Tensor>&,
                                                   const std::vector<std::optional<Tensor>>& cotangents) {
  const auto which =
      std::make_shared<Composite>(Composite{.name = "cube_backward", .version = 1, .backward = nullptr});
  return {composite1(which, {}, {operands[0], *cotangents[0]},
                     [](const std::vector<Tensor>& in) { return in[0] * in[0] * 3.0 * in[1]; })};
}
std::vector<std::optional<Tensor>> wrong_backward(const Options&, const std::vector<Tensor>& operands,
                                                  const std::vector<Tensor>&,
                                                  const std::vector<std::optional<Tensor>>&) {
  return {sum(operands[0], {model})};
}
Tensor cube(const Tensor& x, Composite::Backward backward) {
  const auto which =
      std::make_shared<Composite>(Composite{.name = "cube", .version = 1, .backward = backward});
  return composite1(which, {}, {x}, [](const std::vector<Tensor>& in) { return in[0] * in[0] * in[0]; });
}
}  // namespace

TEST_CASE("a composite may name its derivative, which equals the derived one") {
  const Case named{"cube", [](Graph& g) { return std::vector{cube(x_of(g), triple_backward)}; }};
  Graph with;
  const Arrays a = gradients(graph_of(named), {}, &with), b = gradients(graph_of(named), {.named = false});
  CHECK(is_close(a.at("d.x"), b.at("d.x")));
  CHECK(calls_in(with) == std::set<std::string>{"cube", "cube_backward"});
  check_derivatives(graph_of(named), {});
}

TEST_CASE("a named derivative that gives the wrong type is an error that names the composite") {
  Graph g;
  const Tensor x = x_of(g);
  const Tensor y = sum(cube(x, wrong_backward), {batch, model});
  CHECK_THROWS_WITH(
      grad(y, {x}),
      Contains(
          "composite 'cube' names gives f32[batch=2] as the cotangent of operand 0, which is f32[batch=2, model=6]"));
}

TEST_CASE("a fully masked row of softmax has gradient 0") {
  Graph g;
  const Tensor x = x_of(g);
  const double minus_infinity = -std::numeric_limits<double>::infinity();
  const Tensor y = softmax(select(x < 100.0, full_like(x, minus_infinity), x), model);
  g->add_output("d", grad(sum(y * y, {batch, model}), {x})[0].value());
  const Array d = interpret(g, random_inputs(g, {})).outputs.at("d");
  CHECK(norm(d) == 0);
}

TEST_CASE("a row of softmax with a NaN in it is NaN") {
  Graph g;
  g->add_output("y", softmax(x_of(g), model).value());
  std::vector<double> values{0, 1, std::nan(""), 3, 4, 5, 0, 1, 2, 3, 4, 5};
  const std::vector<double> y = interpret(g, {{"x", Array::of(f32, {{"batch", 2}, {"model", 6}}, values)}}).outputs.at("y").to_doubles();
  CHECK(std::all_of(y.begin(), y.begin() + 6, [](double v) { return std::isnan(v); }));
  CHECK(std::none_of(y.begin() + 6, y.end(), [](double v) { return std::isnan(v); }));
}

TEST_CASE("far out an activation is steep or flat, and its slope never what infinities make of it") {
  struct Case {
    Tensor (*activation)(Operand);
    double near;  // at 20 and beyond
  };
  for (const auto& [activation, near] : {Case{gelu, 1e-30}, {gelu_tanh, 1e-30}, {silu, 1e-6}}) {
    Graph g;
    const Tensor x = x_of(g);
    g->add_output("d", grad(sum(activation(x), {batch, model}), {x})[0].value());
    const std::vector<double> out{-3e38, -1e20, -1e3, -50, -20, 0, 20, 50, 1e3, 1e20, 3e38, 0};
    const Arrays inputs{{"x", Array::of(f32, {{"batch", 2}, {"model", 6}}, out)}};
    const std::vector<double> d = interpret(g, inputs, {}, Mode::typed).outputs.at("d").to_doubles();
    for (std::size_t i = 0; i < out.size(); ++i) {
      INFO("at " << out[i]);
      CHECK(std::abs(d[i] - (out[i] < 0 ? 0 : out[i] > 0 ? 1 : 0.5)) < near);
    }
  }
}
