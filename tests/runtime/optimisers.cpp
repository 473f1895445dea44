// Several optimisers on one State, slots that come later, and what is computed from new values.
#include <uwaga/uwaga.h>

#include <algorithm>
#include <limits>
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

using Names = std::vector<std::string>;
Names names_of(const Graph& step) {
  State state;
  compile(step, kTarget, state);
  return state.names();
}

AdamW quick(const std::string& name) {
  return {.rate = 0.1, .clip = 1, .schedule = {.warm_up = 4, .steps = 9}, .rules = {.freeze = {"w"}}, .name = name};
}
Sgd slow(const std::string& name) {
  return {.rate = 0.01, .momentum = 0.9, .schedule = {.warm_up = 2, .steps = 5}, .rules = {.freeze = {"v"}}, .name = name};
}
Graph quick_step(const std::string& name) {
  const Pair p;
  return train_step(Pair::loss(p.v) + 0.0 * Pair::loss(p.w), quick(name));
}
Graph slow_step(const std::string& name) {
  const Pair p;
  return train_step(Pair::loss(p.w) + 0.0 * Pair::loss(p.v), slow(name));
}

struct Alone {
  State state;
  Program step;
  explicit Alone(const Graph& g) : step(compile(g, kTarget, state)) { state.initialise(3, kTarget); }
};

// The mean over a dropped-out vector of ones, trained under a name.
Graph dropped(const std::string& name) {
  Graph g;
  const Axis many{"many", 64};
  const Tensor w = g.scope().param("w", {many}, ones());
  const Tensor kept = dropout(g.scope() / "noise", w, 0.5);
  kept.watch("kept");
  return train_step(mean(kept, {many}), Sgd{.rate = 0, .name = name});
}

}  // namespace

TEST_CASE("optimisers of two names take turns on one State, each as if it were alone") {
  Alone quick_alone(quick_step("optimiser")), slow_alone(slow_step("optimiser"));
  State both;
  Program a = compile(quick_step("quick"), kTarget, both), b = compile(slow_step("optimiser"), kTarget, both);
  both.initialise(3, kTarget);
  for (int round = 0; round < 4; ++round) {
    CHECK(a.run({})["rate"] == quick_alone.step.run({})["rate"]);
    for (int twice = 0; twice < 2; ++twice) CHECK(b.run({})["rate"] == slow_alone.step.run({})["rate"]);
  }
  CHECK(both.get("v") == quick_alone.state.get("v"));
  CHECK(both.get("w") == slow_alone.state.get("w"));
  CHECK(both.get("quick.step").item<std::int64_t>() == 4);
  CHECK(both.get("step").item<std::int64_t>() == 8);
}

TEST_CASE("two optimisers of one parameter have moments of their own") {
  const auto step = [](const std::string& name) {
    const Pair p;
    return train_step(Pair::loss(p.v), AdamW{.rate = 0.1, .rules = {.freeze = {"w"}}, .name = name});
  };
  Alone alone(step("optimiser"));
  State both;
  Program a = compile(step("a"), kTarget, both), b = compile(step("b"), kTarget, both);
  both.initialise(3, kTarget);
  alone.step.run({});
  a.run({});
  CHECK(both.get("v") == alone.state.get("v"));
  CHECK(both.get("a.first.v") == alone.state.get("optimiser.first.v"));
  CHECK(both.get("b.first.v") == Array(f32, {{"n", 3}}));
  b.run({});
  CHECK(both.get("a.first.v") == alone.state.get("optimiser.first.v"));
}

TEST_CASE("slots begin with the optimiser's name, and those of the name 'optimiser' are where checkpoints have them") {
  CHECK(names_of(quick_step("optimiser")) ==
        Names{"optimiser.clip", "optimiser.first.v", "optimiser.rate", "optimiser.second.v", "step", "v", "w"});
  CHECK(names_of(slow_step("slow")) == Names{"slow.rate", "slow.step", "slow.velocity.w", "v", "w"});
}

TEST_CASE("random numbers follow 'step', which a step of any name that draws advances") {
  for (const char* name : {"optimiser", "named"}) {
    INFO(name);
    Alone one(dropped(name));
    const Array first = one.step.run({})["kept"], second = one.step.run({})["kept"];
    CHECK(!(first == second));
    CHECK(one.state.get("step").item<std::int64_t>() == 2);
  }
  const auto names = names_of(slow_step("slow"));
  CHECK(std::find(names.begin(), names.end(), "step") == names.end());
}

TEST_CASE("a graph's own update of 'step' stays beside an optimiser of another name") {
  Graph g;
  const Tensor loss = mean(dropout(g.scope(), g.scope().param("w", {n}, ones()), 0.5), {n});
  update(g.step(), g.step() + 10);
  Alone one(train_step(loss, Sgd{.name = "second"}));
  one.step.run({});
  CHECK(one.state.get("step").item<std::int64_t>() == 10);
  CHECK(one.state.get("second.step").item<std::int64_t>() == 1);
}

TEST_CASE("two optimisers in one graph both start from the old values") {
  Alone quick_alone(quick_step("optimiser")), slow_alone(slow_step("optimiser"));
  const Pair p;
  const Tensor first = Pair::loss(p.v) + 0.0 * Pair::loss(p.w), second = Pair::loss(p.w) + 0.0 * Pair::loss(p.v);
  train_step(first, quick("optimiser"));
  Alone both(train_step(second, slow("slow")));
  for (int i = 0; i < 3; ++i) {
    const Outputs out = both.step.run({}), one = quick_alone.step.run({}), other = slow_alone.step.run({});
    for (const char* name : {"loss", "grad_norm", "rate"}) {
      INFO(name);
      CHECK(out[name] == one[name]);
      CHECK(out[std::string("slow.") + name] == other[name]);
    }
  }
  CHECK(both.state.get("v") == quick_alone.state.get("v"));
  CHECK(both.state.get("w") == slow_alone.state.get("w"));
}

TEST_CASE("the second optimiser of a graph may be the one without a name") {
  const Pair p;
  train_step(Pair::loss(p.v) + 0.0 * Pair::loss(p.w), quick("quick"));
  const Graph both = train_step(Pair::loss(p.w) + 0.0 * Pair::loss(p.v), slow("optimiser"));
  for (const char* output : {"loss", "grad_norm", "rate", "optimiser.loss", "optimiser.grad_norm", "optimiser.rate"}) CHECK_NOTHROW(both.output(output));
}

TEST_CASE("a scalar slot may start at NaN in all programs of a State") {
  const auto best = [] {
    Graph g;
    g.scope().state("best", {}, constant_value(std::numeric_limits<double>::quiet_NaN())).watch("best");
    return g;
  };
  State state;
  compile(best(), kTarget, state);
  CHECK_NOTHROW(compile(best(), kTarget, state));
}

TEST_CASE("a rate that was set is what a program compiled later runs at, and one refused leaves nothing in the State") {
  Alone one(quick_step("optimiser"));
  one.state.set("optimiser.rate", 0.25);
  Program again = compile(quick_step("optimiser"), kTarget, one.state);
  CHECK(again.run({})["rate"].item<float>() == 0.25f / 4);  // the first of four steps of warm-up
  Graph g;
  g.scope().param("another", {n}, ones()).watch("another");
  g.scope().state("optimiser.rate", {}, constant_value(0.5)).watch("rate");
  CHECK_THROWS_AS(compile(g, kTarget, one.state), Error);
  CHECK(!one.state.has("another"));
  CHECK(one.state.initialised());
}

TEST_CASE("only constants of scalar state slots must be equal: parameters may be declared with other first values") {
  const auto reads = [](const Initial& vector, const Initial& scalar, const Initial& drawn) {
    Graph g;
    g.scope().param("vector", {n}, vector).watch("vector");
    g.scope().param("scalar", {}, scalar).watch("scalar");
    g.scope().state("drawn", {}, drawn).watch("drawn");
    return g;
  };
  State state;
  compile(reads(normal(1), ones(), normal(1)), kTarget, state);
  compile(reads(zeros(), zeros(), normal(2)), kTarget, state);
  CHECK(state.names() == Names{"drawn", "scalar", "vector"});
}

TEST_CASE("only what a rule names is trained, less what another freezes") {
  Graph g;
  const Scope s = g.scope();
  const Tensor w = s.param("w", {n}, normal(1)), a = s.param("lora.a", {n}, normal(1)), b = s.param("lora.b", {n}, normal(1));
  Alone run(train_step(mean(w * a * b, {n}), Sgd{.rate = 0.1, .rules = {.only = {"lora.*"}, .freeze = {"*.b"}}}));
  const auto value = [&](const char* path) { return run.state.get(path); };
  const Array before[] = {value("w"), value("lora.a"), value("lora.b")};
  run.step.run({});
  CHECK(value("w") == before[0]);
  CHECK_FALSE(value("lora.a") == before[1]);
  CHECK(value("lora.b") == before[2]);
}

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
