// Derivatives that once lost something: the order of axes, of quotients that round, of scans in scans.
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/autodiff/vmap.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/passes/passes.h>

#include <vector>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

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
