// Steps of training with gradients, or an optimiser, of one's own.
#include <uwaga/uwaga.h>

#include <string>
#include <vector>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const Axis kBatch{"batch", 4}, kModel{"model", 3};

struct Made {
  Graph graph;
  Tensor x, w;
  Loss loss(const Tensor& rows) const {
    const Tensor y = dot(rows, w, {kModel}) - 1.0;
    return {sum(y * y, {"batch"}), count(y, {"batch"}, f32)};
  }
};
Made made() {
  Graph g;
  const Tensor x = g.input("x", f32, {kBatch, kModel}), w = g.scope().param("w", {kModel}, normal(1));
  return {g, x, w};
}

// The parameter after two runs.
std::vector<double> trained(const Graph& step) {
  State state;
  Program p = compile(step, Target::interpreter(), state);
  state.initialise(3);
  const Array x = Array::of(f32, {{"batch", 4}, {"model", 3}}, std::vector<double>{1, 2, -1, 0.5, 0, 3, 2, 2, 1, -1, 0.25, 1});
  for (int i = 0; i < 2; ++i) p.run({{"x", x}});
  return state.get("w").to_doubles();
}

}  // namespace

TEST_CASE("a step takes gradients that are there: those accumulated over microbatches train as those of the batch") {
  const Made plain = made(), cut = made();
  const Accumulated a = accumulate({cut.x}, "batch", 2, [&](const std::vector<Tensor>& in) { return cut.loss(in[0]); });
  for (const bool adam : {true, false}) {
    const Made own = made();
    const Tensor loss = own.loss(own.x).mean();
    const Gradients gradients = grad(loss);
    const Made again = made();
    const Tensor same = again.loss(again.x).mean();
    CHECK(trained(adam ? train_step(loss, gradients, AdamW{}) : train_step(loss, gradients, Sgd{.momentum = 0.5})) ==
          trained(adam ? train_step(same, AdamW{}) : train_step(same, Sgd{.momentum = 0.5})));
  }
  const std::vector<double> whole = trained(train_step(plain.loss(plain.x).mean(), Sgd{})), halves = trained(train_step(a.loss, a.gradients, Sgd{}));
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK(halves[i] == Approx(whole[i]).epsilon(1e-6));
}

TEST_CASE("an optimiser of one's own: parameters by path, and moments like them") {
  const Made own = made(), given = made();
  const Tensor loss = own.loss(own.x).mean();
  const Scope scope = own.w.graph().scope() / "own";
  for (const auto& [path, g] : grad(loss)) {
    const Tensor w = loss.graph().parameter(path), velocity = scope.state(path, w, zeros());
    const Tensor next = velocity * 0.5 + g;
    update(velocity, next);
    update(w, w - 0.1 * next);
  }
  CHECK(trained(loss.graph()) == trained(train_step(given.loss(given.x).mean(), Sgd{.rate = 0.1, .momentum = 0.5})));
}

TEST_CASE("an output is read by its name, and none by another") {
  Graph g;
  (g.input("x", f32, {}) + 1.0).watch("y");
  State state;
  const Outputs out = compile(g, Target::interpreter(), state).run({{"x", 1.0}});
  CHECK(out["y"].item<double>() == 2);
  CHECK_THROWS_WITH(out["z"], "the run gave no 'z'; there is 'y'");
}
