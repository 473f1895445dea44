#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/interpreter/interpret.h>

#include <cmath>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

TEST_CASE("a mixed-precision layer gives gradients in the dtypes of its parameters, near the exact ones") {
  for (DType narrow : {bf16, f16}) {
    INFO(name(narrow));
    Graph g;
    const Axis batch{"batch", 4}, in{"in", 33}, out{"out", 5};
    const Tensor x = g.input("x", f32, {batch, in}), w = g.input("w", f32, {in, out}), b = g.input("b", f32, {out});
    const Tensor y = dot(cast(x, narrow), cast(w, narrow), {in}, f32) + b;
    const Tensor loss = sum(y * y, {batch, out});
    const std::vector<Tensor> d = grad(loss, {x, w, b});
    const char* names[] = {"dx", "dw", "db"};
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(d[i].dtype() == f32);
      g->add_output(names[i], d[i].value());
    }
    const Arrays drawn = random_inputs(g, {.low = -1, .high = 1});
    Arrays given;
    for (const auto& [name, a] : drawn) given.emplace(name, a.cast(f32));
    const Arrays typed = interpret(g, given, {}, Mode::typed).outputs, exact = interpret(g, given).outputs;
    // Inputs, cotangents and products are rounded to the narrow type a few times each; sums run in f32.
    for (const char* n : names) {
      INFO(n);
      CHECK(largest_difference(typed.at(n), exact.at(n)) <= 8 * unit_roundoff(narrow) * norm(exact.at(n)));
    }
  }
}

TEST_CASE("integers have no tangent, and do not keep one from passing by") {
  Graph g;
  const Axis n{"n", 4};
  const Tensor x = g.input("x", f32, {n}), i = g.input("i", i32, {n});
  const Tensor scaled = x * cast(i + 1, f32);
  g->add_output("d", grad(sum(scaled, {n}), {x})[0].value());
  const Arrays r = interpret(g, {{"x", array({{"n", 4}}, std::vector<float>{1, 2, 3, 4})},
                                 {"i", array({{"n", 4}}, std::vector<std::int32_t>{0, 1, 2, 3})}})
                       .outputs;
  CHECK(r.at("d").to_doubles() == std::vector<double>{1, 2, 3, 4});
}
