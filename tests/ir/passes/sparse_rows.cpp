// A large table of zeros with a few rows added to it is kept as those rows.
#include <uwaga/ir/passes/passes.h>

#include <cmath>
#include <functional>
#include <random>

#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/print.h>
#include <uwaga/ir/structural_hash.h>
#include <uwaga/ir/verify.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const Axis batch{"batch"}, token{"token"}, vocab{"vocab", 70000}, feature{"feature", 16};

Arrays some_tokens(std::int64_t b, std::int64_t t, unsigned seed) {
  std::mt19937 random(seed);
  Array tokens(i32, {{"batch", b}, {"token", t}}), given(f32, {{"batch", b}, {"token", t}, {"feature", 16}});
  // A few of them often, so that a row has several updates whose order counts; the first and the last row too.
  const std::int64_t often[] = {0, 69999, 12345, 7};
  for (std::int64_t i = 0; i < b * t; ++i)
    tokens.set_integer(i, i % 3 == 0 ? often[random() % 4] : static_cast<std::int64_t>(random() % 70000));
  for (std::int64_t i = 0; i < given.elements(); ++i) given.set(i, std::ldexp(static_cast<double>(random() % 4001) - 2000, static_cast<int>(random() % 20) - 10));
  return {{"tokens", tokens}, {"given", given}};
}

int count(const Graph& g, Op op) {
  int n = 0;
  for (const Node& node : g->nodes()) n += node.op == op;
  return n;
}

// What is made of a graph that scatters `given` at `tokens` into what `base` makes.
Graph scattered(const std::function<Tensor(Graph&)>& base, const Axes& of_updates = {batch, token, feature}) {
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {batch, token});
  const Tensor sum = scatter_add(base(g), tokens, g.input("given", f32, of_updates), vocab);
  sum.watch("gradient");
  (sum * sum).watch("squares");
  return g;
}
Tensor zeros_over(Graph& g, const Axes& axes, double zero = 0) {
  std::vector<Dim> dims;
  for (const Axis& a : axes) dims.push_back({a.name, a.extent.value_or(Extent::symbol(a.name))});
  return broadcast(constant(g, zero, f32), dims);
}

}  // namespace

TEST_CASE("Rows of zeros are not stored, and the others have the bits they had") {
  for (const Axes& axes : {Axes{vocab, feature}, Axes{feature, vocab}}) {
    const Graph before = scattered([&](Graph& g) { return zeros_over(g, axes); }), after = sparse_rows(before);
    INFO(print(after));
    verify(after, "sparse-rows");
    CHECK(count(after, Op::gather) == 2);
    CHECK(same_structure(sparse_rows(after), after));
    for (const Arrays& in : {some_tokens(3, 50, 1), some_tokens(1, 1, 2), some_tokens(2, 0, 3)}) {
      const Results want = interpret(before, in, {}, Mode::typed), got = interpret(after, in, {}, Mode::typed);
      for (const auto& [name, value] : want.outputs) {
        CHECK(got.outputs.at(name).dims() == value.dims());
        CHECK(got.outputs.at(name).to_doubles() == value.to_doubles());
      }
    }
    Arrays wrong = some_tokens(1, 2, 4);
    wrong.at("tokens").set_integer(1, 70000);
    CHECK_THROWS_WITH(interpret(after, wrong, {}, Mode::typed), Contains("index 70000 is outside vocab=70000"));
  }
}

TEST_CASE("Tables that are no such table stay") {
  const auto stays = [](const Graph& g) { return same_structure(sparse_rows(g), g); };
  const Axis few{"few", 100}, narrow{"narrow", 15};
  CHECK(stays(scattered([](Graph& g) { return zeros_over(g, {vocab, feature}, -0.0); })));
  CHECK(stays(scattered([](Graph& g) { return zeros_over(g, {vocab, feature}, 1); })));
  CHECK(stays(scattered([](Graph& g) { return g.input("base", f32, {vocab, feature}); })));
  CHECK(stays(scattered([&](Graph& g) { return zeros_over(g, {vocab, narrow}); }, {batch, token, narrow})));
  const auto of = [&](const Axis& places, const Axes& indices, const Axes& base, const Axes& updates) {
    Graph g;
    scatter_add(zeros_over(g, base), g.input("tokens", i32, indices), g.input("given", f32, updates), places).watch("y");
    return g;
  };
  CHECK(stays(of(few, {batch, token}, {few, feature}, {batch, token, feature})));
  const Axis many{"many", 70000 / 4 + 1}, features{"feature", 64};
  CHECK(stays(of(vocab, {many}, {vocab, features}, {many, features})));                     // nearly as many updates as rows
  CHECK(stays(of(vocab, {batch, features}, {vocab, features}, {batch, features})));         // an index of its own for every feature
  CHECK_FALSE(stays(of(vocab, {few}, {vocab, features}, {few, features})));
  const Axis taken{"vocab.row", 64};  // the name that the rows would have
  CHECK_FALSE(stays(of(vocab, {few}, {vocab, taken}, {few, taken})));
}
