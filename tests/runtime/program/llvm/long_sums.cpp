// Long sums to few results: the interpreter's bits, whatever the number of threads that divide them.
#include <cmath>
#include <random>
#include <vector>

#include <uwaga/ir/interpreter/internal/row.h>
#include <uwaga/ir/ops.h>

#include "tests/runtime/random_graphs.h"

namespace uwaga::test {
namespace {

void check(const Graph& g) {
  const Arrays want = runs(g, {}, Target::interpreter());
  for (const int threads : {1, 2, 5, 40}) {
    INFO(threads << " threads");
    CHECK(difference(runs(g, {}, Target::host(threads)), want) == "");
  }
}

}  // namespace

TEST_CASE("long sums along rows and down columns have the interpreter's bits on any number of threads") {
  for (const DType d : {f32, f64, bf16, i32})
    for (const bool down : {false, true}) {
      INFO(name(d) << (down ? ", down" : ", along"));
      Graph g;
      const Axis few("few", 3), n("n", 300007);
      const Tensor x = g.input("x", d, down ? Axes{n, few} : Axes{few, n}), y = x * x;
      y.watch("terms");
      (sum(y, {n}) + reduce_max(x, {n})).watch("sum");
      check(g);
    }
}

TEST_CASE("passes over few long rows have the interpreter's bits on any number of threads") {
  Graph g;
  const Axis few("few", 2), n("n", 300007);
  const Tensor x = g.input("x", f32, {few, n}), centred = x - mean(x, {n}), variance = mean(centred * centred, {n});
  variance.watch("variance");
  (centred / sqrt(variance + 1e-5)).watch("normal");
  check(g);
}

// More than 4,096 blocks of terms: a block of their sums, and the rest.
TEST_CASE("sums of more than 16.7 million terms keep the order of their terms") {
  constexpr std::int64_t length = (1 << 24) + (1 << 20) + 5001;
  const Axis few("few", 2), n("n", length);
  std::vector<float> terms(length);
  std::mt19937 random(5);
  for (float& t : terms) t = std::ldexp(static_cast<float>(random() >> 8), -24);
  const Arrays inputs{{"x", array({{"n", length}}, terms)}, {"y", array({{"few", 2}}, std::vector<float>{1.0f, -0.7f})}};
  Arrays want{{"sum", array({{"few", 2}}, std::vector<float>(2))}};
  for (const int row : {0, 1}) {
    for (float& t : terms) t *= row == 0 ? 1.0f : -0.7f;
    want.at("sum").set(row, interpreter::ordered_sum(terms.data(), length));
  }
  for (const bool down : {false, true}) {
    INFO((down ? "down" : "along"));
    Graph g;
    const Tensor x = g.input("x", f32, {n}), y = g.input("y", f32, {few});
    sum(down ? outer(x, y) : outer(y, x), {n}).watch("sum");
    for (const int threads : {1, 2}) {
      State state;
      CHECK(difference(compile(g, Target::host(threads), state).run(inputs), want) == "");
    }
  }
}

}  // namespace uwaga::test
