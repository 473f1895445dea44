// Slots that come later, and what is computed from new values.
#include <uwaga/uwaga.h>

#include <map>
#include <string>
#include <vector>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const Axis n{"n", 3};
const Target kTarget = Target::interpreter();

// Two parameters, each with a loss of its own.
struct Pair {
  Graph g;
  Tensor v = g.scope().param("v", {n}, normal(1)), w = g.scope().param("w", {n}, normal(1));
  static Tensor loss(const Tensor& of) { return mean((of - 2.0) * (of - 2.0), {n}); }
};

struct Alone {
  State state;
  Program step;
  explicit Alone(const Graph& g) : step(compile(g, kTarget, state)) { state.initialise(3, kTarget); }
};

}  // namespace

TEST_CASE("slots that come later get the first values of a whole initialisation, and the others keep theirs") {
  const auto with_adapter = [] {
    Graph g;
    const Tensor w = g.scope().param("w", {n}, normal(1)), adapter = g.scope().param("adapter", {n}, normal(1));
    return train_step(mean((w + adapter) * w, {n}), Sgd{.rate = 0.1, .rules = {.freeze = {"w"}}});
  };
  Graph g;
  const Tensor w = g.scope().param("w", {n}, normal(1));
  Alone base(train_step(mean(w * w, {n}), Sgd{.rate = 0.1})), whole(with_adapter());
  base.step.run({});
  const Array trained = base.state.get("w"), velocity = base.state.get("optimiser.velocity.w");
  Program adapted = compile(with_adapter(), kTarget, base.state);
  CHECK(!base.state.initialised());
  base.state.initialise_missing(3, kTarget);
  CHECK(base.state.initialised());
  CHECK(base.state.get("w") == trained);
  CHECK(base.state.get("optimiser.velocity.w") == velocity);
  CHECK(base.state.get("step").item<std::int64_t>() == 1);
  CHECK(base.state.get("adapter") == whole.state.get("adapter"));
  CHECK(!(base.state.get("adapter") == Array(f32, {{"n", 3}})));
  adapted.run({});
  const Array adapter = base.state.get("adapter");
  base.state.initialise_missing(4, kTarget);  // nothing is missing
  CHECK(base.state.get("adapter") == adapter);
}

TEST_CASE("an average follows the values that a step leaves, of all parameters, frozen ones too") {
  for (const bool narrow : {false, true}) {
    const Pair p;
    const Tensor loss = Pair::loss(p.v) + Pair::loss(p.w);
    const Gradients gradients = grad(loss);
    Graph step = train_step(loss, gradients, AdamW{.rate = 0.1, .rules = {.freeze = {"w"}}});
    for (const auto& [path, gradient] : gradients) {
      const Tensor parameter = step.parameter(path), average = step.scope().state("average." + path, parameter, zeros());
      update(average, 0.5 * average + 0.5 * updated(parameter));
      updated(average).watch("next." + path);
    }
    if (narrow) step = compute_in(step, bf16);
    Alone one(step);
    std::map<std::string, std::vector<double>> average = {{"v", {0, 0, 0}}, {"w", {0, 0, 0}}};
    for (int i = 0; i < 3; ++i) {
      const Outputs out = one.step.run({});
      for (auto& [path, want] : average) {
        INFO(path << " after step " << i);
        const Array now = one.state.get(path);
        // Halving is exact in f32; the sum is rounded once.
        for (std::size_t k = 0; k < want.size(); ++k)
          want[k] = static_cast<float>(0.5 * want[k] + 0.5 * now.at(static_cast<std::int64_t>(k)));
        CHECK(one.state.get("average." + path).to_doubles() == want);
        CHECK(out["next." + path].to_doubles() == want);
      }
    }
  }
}

TEST_CASE("what a slot will be is the slot itself until an update is written, and then that") {
  Graph g;
  const Tensor a = g.scope().state("a", {n}, ones());
  CHECK(updated(a).value() == a.value());
  const Tensor next = a * 2.0;
  update(a, next);
  CHECK(updated(a).value() == next.value());
}
