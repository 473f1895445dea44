#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/structural_hash.h>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {
const Axis n{"n", 3};
}

TEST_CASE("grad wants a floating scalar") {
  Graph g;
  const Tensor x = g.input("x", f32, {n});
  CHECK_THROWS_WITH(grad(x * 2.0, {x}), Contains("grad wants a floating scalar, not f32[n=3]; sum it, or use vjp"));
  CHECK_THROWS_WITH(grad(sum(cast(x, i32), {n}), {x}), Contains("grad wants a floating scalar, not i32[]"));
}

TEST_CASE("a gradient of something the loss does not depend on is an error that names it, unless allowed") {
  Graph g;
  const Tensor x = g.input("x", f32, {n}), unused = g.input("unused", f32, {n}), i = g.input("i", i32, {n});
  const Tensor loss = sum(x, {n});
  CHECK_THROWS_WITH(grad(loss, {x, unused}), Contains("the loss does not depend on input 'unused'"));
  CHECK_THROWS_WITH(grad(loss, {i}), Contains("a gradient wants floating dtypes; input 'i' is i32[n=3]"));
  CHECK_THROWS_WITH(grad(sum(floor(x), {n}), {x}),
                    Contains("depends on input 'x' only through what is piecewise constant"));
  CHECK_THROWS_WITH(grad(sum(stop_gradient(x), {n}), {x}), Contains("piecewise constant or stopped"));
  const std::vector<Tensor> d = grad(loss, {x, unused}, {.allow_unused = true});
  g->add_output("d", d[1].value());
  CHECK(norm(interpret(g, random_inputs(g, {})).outputs.at("d")) == 0);
}

TEST_CASE("an op without a derivative is an error that names op and line") {
  Graph g;
  const Tensor x = g.input("x", f32, {n});
  const Tensor loss = sum(bitcast(bitcast(x, i32), f32), {n});
  CHECK_THROWS_WITH(grad(loss, {x}), Contains("bitcast has no derivative") && Contains("grad.cpp:"));
}

TEST_CASE("grad covers the trainable parameters by path, in their dtype and order of axes") {
  Graph g;
  const Scope s = g.scope();
  const Axis model{"model", 4}, hidden{"hidden", 2};
  const Tensor x = g.input("x", f32, {n, model});
  const Tensor w = (s / "layer").param("w", {hidden, model}, normal(1)), b = s.param("b", {hidden}, zeros(), bf16);
  const Tensor running = s.state("running", {hidden}, zeros());
  const Tensor y = dot(x, w, {model}) + cast(b, f32) + running;
  const std::map<std::string, Tensor> d = grad(sum(y * y, {n, hidden}));
  REQUIRE(d.size() == 2);
  CHECK(d.at("layer.w").type().str() == "f32[hidden=2, model=4]");
  CHECK(d.at("b").type().str() == "bf16[hidden=2]");
}

TEST_CASE("a value and what it is made of may be asked about together") {
  Graph g;
  const Tensor x = g.input("x", f32, {}), h = sin(x), loss = h * h * x;
  const std::vector<Tensor> d = grad(loss, {x, h, loss});
  for (int i = 0; i < 3; ++i) g->add_output("d" + std::to_string(i), d[static_cast<std::size_t>(i)].value());
  const Arrays r = interpret(g, {{"x", 0.7}}).outputs;
  CHECK(r.at("d0").item<double>() == Approx(2 * std::sin(0.7) * std::cos(0.7) * 0.7 + std::sin(0.7) * std::sin(0.7)));
  CHECK(r.at("d1").item<double>() == Approx(2 * std::sin(0.7) * 0.7));
  CHECK(r.at("d2").item<double>() == 1);
}

TEST_CASE("derivatives of any order") {
  Graph g;
  const Tensor x = g.input("x", f64, {});
  Tensor d = sin(x);
  for (int order = 1; order <= 5; ++order) {
    d = grad(d, {x})[0];
    g->add_output("d" + std::to_string(order), d.value());
  }
  const Arrays r = interpret(g, {{"x", 0.3}}).outputs;
  CHECK(r.at("d3").item<double>() == Approx(-std::cos(0.3)));
  CHECK(r.at("d4").item<double>() == Approx(std::sin(0.3)));
  CHECK(r.at("d5").item<double>() == Approx(std::cos(0.3)));
}

TEST_CASE("ties: max and min give half to each side, reduce_max shares, counted beyond what bf16 can count") {
  Graph g;
  const Axis many{"many", 300};
  const Tensor x = g.input("x", f32, {}), y = g.input("y", f32, {}), z = g.input("z", bf16, {many});
  g->add_output("max", grad(max(x, y) * 4.0, {x})[0].value());
  g->add_output("min", grad(min(x, y) * 4.0, {y})[0].value());
  g->add_output("shared", grad(cast(reduce_max(z, {many}), f32), {z})[0].value());
  const Arrays r =
      interpret(g, {{"x", 1.5f}, {"y", 1.5f}, {"z", Array::of(bf16, {{"many", 300}}, std::vector<double>(300, 2.0))}},
                {}, Mode::typed)
          .outputs;
  CHECK(r.at("max").item<float>() == 2);
  CHECK(r.at("min").item<float>() == 2);
  CHECK(r.at("shared").at(0) == round_to(bf16, 1.0 / 300));
}

TEST_CASE("corners: pow, abs and relu-like select where their derivatives are delicate") {
  Graph g;
  const Tensor x = g.input("x", f64, {}), p = g.input("p", f64, {});
  g->add_output("x^p by x", grad(pow(x, p), {x})[0].value());
  g->add_output("x^p by p", grad(pow(x, p), {p})[0].value());
  g->add_output("|x|", grad(abs(x), {x})[0].value());
  g->add_output("relu", grad(select(x > 0.0, x, 0.0), {x})[0].value());
  const auto at = [&](double a, double b) { return interpret(g, {{"x", a}, {"p", b}}).outputs; };
  CHECK(at(0, 0).at("x^p by x").item<double>() == 0);
  CHECK(at(0, 2).at("x^p by p").item<double>() == 0);
  CHECK(at(-2, 3).at("x^p by x").item<double>() == 12);
  CHECK(at(0, 1).at("|x|").item<double>() == 0);
  CHECK(at(0, 1).at("relu").item<double>() == 0);
}

TEST_CASE("every node a derivative adds has the line and scope of the node it is of, in the role backward") {
  Graph g;
  const Tensor x = g.input("x", f32, {n});
  Tensor y = x;
  for (const Scope& layer : g.scope().layers("h", 2)) y = softmax(y * layer.param("w", {n}, ones()), n);
  const Tensor loss = sum(y * y, {n});
  const std::size_t before = g->nodes().size();
  grad(loss);
  bool in_layer = false;
  for (std::size_t id = before; id < g->nodes().size(); ++id) {
    const std::vector<Origin> origins = g->provenance().origins(g->nodes()[id].provenance);
    REQUIRE(!origins.empty());
    for (const Origin& o : origins) {
      CHECK(o.role == Role::backward);
      CHECK(base_name(o.file) != "linearise_rules.cpp");
      in_layer = in_layer || g->provenance().path(o.scope) == "h.1";
    }
  }
  CHECK(in_layer);
}

TEST_CASE("the order of gradient sums does not depend on the order in which the program was written") {
  // One value used five times; the uses are written in two orders.
  const auto build = [](const std::vector<int>& written) {
    Graph g;
    const Tensor x = g.input("x", f32, {n});
    const Tensor h = x * 1.25;
    std::vector<std::optional<Tensor>> uses(5);
    for (int which : written)
      uses[static_cast<std::size_t>(which)] = which == 0   ? sin(h)
                                              : which == 1 ? exp(h)
                                              : which == 2 ? h * h
                                              : which == 3 ? tanh(h)
                                                           : sigmoid(h);
    Tensor total = *uses[0];
    for (std::size_t i = 1; i < 5; ++i) total = total + *uses[i];
    g->add_output("d", grad(sum(total, {n}), {x})[0].value());
    return g;
  };
  const Graph a = build({0, 1, 2, 3, 4}), b = build({3, 1, 4, 0, 2});
  CHECK(same_structure(a, b));
}

TEST_CASE("vjp and jvp want cotangents and tangents of the right types") {
  Graph g;
  const Tensor x = g.input("x", f32, {n}), s = sum(x, {n});
  CHECK_THROWS_WITH(vjp({s}, {x}, {x}), Contains("cotangent 0 is f32[n=3] instead of f32[]"));
  CHECK_THROWS_WITH(jvp({s}, {x}, {s}), Contains("tangent 0 is f32[] instead of f32[n=3]"));
  CHECK_THROWS_WITH(jvp({s}, {x}, {}), Contains("tangent for 1 tensors: 0 are given"));
}

TEST_CASE("a gradient taken inside a scan's body is a gradient") {
  // Newton's method for x^3 = a, by the derivative of the residual.
  Graph g;
  const Tensor a = g.input("a", f64, {}), start = g.input("start", f64, {});
  const ScanResult r = scan(Axis{"step"}, {start}, {},
                            [&](const std::vector<Tensor>& c, const std::vector<Tensor>&, Tensor) {
                              const Tensor residual = c[0] * c[0] * c[0] - a;
                              return ScanStep{{c[0] - residual / grad(residual, {c[0]})[0]}, {}};
                            },
                            {.reverse = false, .length = Extent(20)});
  g->add_output("root", r.carries[0].value());
  g->add_output("d", grad(r.carries[0], {a})[0].value());
  const Arrays out = interpret(g, {{"a", 5.0}, {"start", 1.5}}).outputs;
  CHECK(out.at("root").item<double>() == Approx(std::cbrt(5.0)));
  CHECK(out.at("d").item<double>() == Approx(1 / (3 * std::pow(5.0, 2.0 / 3))));
}
