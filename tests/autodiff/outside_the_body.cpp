// Derivatives that once lost something: of what a body takes from outside, of quotients that round, of scans in scans.
#include <uwaga/autodiff/accumulate.h>
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/autodiff/vmap.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/verify.h>

#include <vector>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

TEST_CASE("accumulated gradients count what is computed of parameters alone") {
  const Axis batch{"batch", 4}, model{"model", 3};
  const auto loss_of = [&](const Tensor& w, const Tensor& unused, const Tensor& narrow, const Tensor& x) {
    const Tensor y = dot(x, narrow, {model}) + sum(w * w, {model}) * 0.5 + sum(x * w, {model}) * unused;
    return Loss{sum(y * y, {"batch"}), count(y, {"batch"}, f32)};
  };
  const auto border = [&](Graph& g) {
    const Scope s = g.scope();
    const Tensor w = s.param("w", {model}, normal(1)), scale = s.param("scale", {}, ones());
    return std::tuple{w, scale, cast(cast(w, f64) * 2.0, f32), g.input("x", f32, {batch, model})};
  };
  Graph whole, cut;
  const auto [w, scale, twice, x] = border(whole);
  const Tensor loss = loss_of(w, scale, twice, x).mean();
  whole->add_output("loss", loss.value());
  for (const auto& [path, g] : grad(loss)) whole->add_output(path, g.value());
  const auto [w2, scale2, twice2, x2] = border(cut);
  const Accumulated a = accumulate({x2}, "batch", 2, [&](const std::vector<Tensor>& in) { return loss_of(w2, scale2, twice2, in[0]); });
  cut->add_output("loss", a.loss.value());
  for (const auto& [path, g] : a.gradients) cut->add_output(path, g.value());
  verify(cut, "accumulation");
  const Arrays in = random_inputs(whole, {}), parameters = initial_parameters(whole, 1);
  const Results one = interpret(whole, in, parameters), two = interpret(cut, in, parameters);
  for (const auto& [name, value] : one.outputs) {
    INFO(name);
    CHECK(norm(value) > 0);
    CHECK(is_close(value, two.outputs.at(name)));
  }
}

TEST_CASE("accumulate tells of a parameter that its loss does not use") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"batch", 4}});
  g.scope().param("lonely", {}, ones());
  const auto make = [&](const GradOptions& options) {
    return accumulate({x}, "batch", 2, [&](const std::vector<Tensor>& in) { return Loss{sum(in[0], {"batch"}), count(in[0], {"batch"}, f32)}; }, options);
  };
  CHECK_THROWS_AS(make({}), Error);
  CHECK(make({.allow_unused = true}).gradients.size() == 1);
}

TEST_CASE("a gradient has the axes of what it is the gradient of in their order, expanded too") {
  Graph g;
  const Axis a{"a", 3}, b{"b", 2};
  const Tensor x = g.input("x", f32, {a, b}), w = g.input("w", f32, {b, a}), y = softmax(softmax(x, a), b);
  grad(sum(y * y * y, {a, b}), {x})[0].watch("dy");  // its calls are shared
  grad(sum(w * softmax(x, a), {a, b}), {x})[0].watch("dx");
  const Graph low = expand(g);
  CHECK(g->type(*g->output("dx")).axes() == AxisNames{"a", "b"});
  CHECK(low->type(*low->output("dx")).axes() == AxisNames{"a", "b"});
}

TEST_CASE("the derivative of a remainder takes the quotient that it left") {
  Graph g;
  const Tensor a = g.input("a", f64, {{"n", 4}}), b = g.input("b", f64, {{"n", 4}});
  grad(sum(rem(a, b), {"n"}), {b})[0].watch("db");
  const Arrays in{{"a", array({{"n", 4}}, std::vector<double>{1, 0.7, -0.5, 7})}, {"b", array({{"n", 4}}, std::vector<double>{0.1, 0.1, 0.3, -2})}};
  CHECK(interpret(g, in, {}, Mode::typed).outputs.at("db").to_doubles() == std::vector<double>{-9, -6, 2, 4});
}

TEST_CASE("a scan in a scan over an axis of one name has a gradient") {
  Graph g;
  const Axis n{"n", 3};
  const Tensor x = g.input("x", f32, {n}), start = g.input("c", f32, {n});
  const ScanResult outer = scan(n, {start}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
    const ScanResult inner = scan(n, {s[0]}, {c[0]}, [](const std::vector<Tensor>& d, const std::vector<Tensor>& t, Tensor) {
      const Tensor next = d[0] * 0.5 + t[0] * t[0];
      return ScanStep{{next}, {next}};
    });
    return ScanStep{{inner.outputs[0] * 0.5}, {}};
  });
  g->add_output("y", sum(outer.carries[0], {n}).value());
  check_derivatives(g, {});
}

TEST_CASE("gradients by path may be asked for inside a body") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones()), x = g.input("x", f32, {{"n", 3}});
  const ScanResult r = scan("n", {w * 0.0}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
    return ScanStep{{c[0] + grad(s[0] * w * w).at("w")}, {}};
  });
  r.carries[0].watch("y");
  const Arrays in{{"x", array({{"n", 3}}, std::vector<float>{1, 2, 3})}}, parameters{{"w", Array(1.5f)}};
  CHECK(interpret(g, in, parameters, Mode::typed).outputs.at("y").to_doubles() == std::vector<double>{18});
}

TEST_CASE("updates at a start of each sample's own: none, and beyond the end") {
  const auto run = [](std::int64_t size, std::vector<std::int32_t> starts) {
    Graph g;
    const Axis n{"n", 4};
    const Tensor base = g.input("base", f32, {n}), part = g.input("part", f32, {{"n.part"}}), start = g.input("start", i32, {});
    dynamic_update(base, rename(part, "n.part", "n"), start, n).watch("y");
    const Graph each = vmap(g, Axis("sample", 2), {"start"});
    const Arrays in{{"base", array({{"n", 4}}, std::vector<float>{1, 2, 3, 4})},
                    {"part", Array::of(f32, {{"n.part", size}}, std::vector<double>(static_cast<std::size_t>(size), 9.0))},
                    {"start", array({{"sample", 2}}, starts)}};
    return interpret(each, in, {}, Mode::typed).outputs.at("y").to_doubles();
  };
  CHECK(run(2, {0, 2}) == std::vector<double>{9, 9, 3, 4, 1, 2, 9, 9});
  CHECK(run(0, {0, 4}) == std::vector<double>{1, 2, 3, 4, 1, 2, 3, 4});
  CHECK_THROWS_AS(run(2, {0, 3}), Error);
}

TEST_CASE("the mean of many narrow floats stays in their range") {
  for (const DType d : {f16, bf16})
    for (const double value : {0.001, 4.0}) {
      Graph g;
      mean(cast(full_like(g.input("x", f32, {{"n"}}), value), d), {"n"}).watch("y");
      const double have = interpret(g, {{"x", Array(f32, {{"n", 70000}})}}, {}, Mode::typed).outputs.at("y").item<double>();
      INFO(name(d) << " of " << value);
      CHECK(std::abs(have - value) <= 0.004 * value);
    }
}
