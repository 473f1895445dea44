// An optimiser's update that a product's kernel makes of the gradient that it computes, which is then never stored.
#include <algorithm>
#include <functional>
#include <set>

#include <uwaga/autodiff/autodiff.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/slots.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

constexpr std::int64_t kIn = 64, kOut = 128;
const Axis batch{"batch"}, in{"in", kIn}, out{"out", kOut};

// Is a slot written before the last kernel runs that writes none?
bool commits_early(const Executable& e) {
  const auto writes_none = [&](const Step& s) {
    const auto* l = std::get_if<Launch>(&s);
    return l != nullptr && std::none_of(l->buffers.begin(), l->buffers.end(), [&](int b) { return e.storages[static_cast<std::size_t>(b)].kind == Storage::Kind::slot; });
  };
  return e.first_commit < e.steps.size() && std::any_of(e.steps.begin() + static_cast<std::ptrdiff_t>(e.first_commit), e.steps.end(), writes_none);
}

// What the arena holds of so many elements.
int blocks_of(const Executable& e, std::int64_t elements) {
  return static_cast<int>(std::count_if(e.storages.begin(), e.storages.end(), [&](const Storage& s) {
    return s.kind == Storage::Kind::arena && s.elements.constant() == elements;
  }));
}

Arrays some(std::int64_t rows) { return {{"x", ramp(-1, 0.01, Type{f32, {{"batch", rows}, {"in", kIn}}})}}; }

// Two layers and a loss; `more` may add to the graph before it is taught.
struct Net {
  Graph g;
  Tensor x = g.input("x", f32, {batch, in});
  Tensor w = g.scope().param("w", {in, out}, ones()), v = g.scope().param("v", {out, Axis{"back", kIn}}, ones());
  Tensor h = dot(x, w, {in}), y = dot(tanh(h), v, {out});
  Tensor loss = mean(y * y, {batch, Axis{"back", kIn}});
};

}  // namespace

TEST_CASE("a gradient that nothing clips is never stored: its product writes parameter and moments") {
  Net n;
  const Graph step = train_step(n.loss, AdamW{.clip = 0});
  const auto e = executable_of(step);
  CHECK(blocks_of(*e, kIn * kOut) == 0);
  CHECK(slot_copies(step) <= 2);  // counters
  CHECK(commits_early(*e));
  agrees(step, some(7));
  // Clipped, both are there until the norm is.
  Net m;
  const Graph clipped = train_step(m.loss, AdamW{.clip = 1});
  CHECK(blocks_of(*executable_of(clipped), kIn * kOut) >= 1);
  CHECK(!commits_early(*executable_of(clipped)));
  agrees(clipped, some(7));
}

TEST_CASE("SGD, with momentum and without, is part of the product too") {
  for (double momentum : {0.0, 0.9}) {
    Net n;
    const Graph step = train_step(n.loss, Sgd{.momentum = momentum});
    CHECK(blocks_of(*executable_of(step), kIn * kOut) == 0);
    agrees(step, some(5));
  }
}

TEST_CASE("what else reads a slot that a product writes reads the old value") {
  const auto check = [](const char* what, const std::function<void(Net&)>& more, int stored) {
    INFO(what);
    Net n;
    more(n);
    const Graph step = train_step(n.loss, AdamW{.clip = 0});
    CHECK(blocks_of(*executable_of(step), kIn * kOut) == stored);
    agrees(step, some(6));
  };
  const auto total = [](const Tensor& t) { return sum(t, {t.type().dims[0].axis, t.type().dims[1].axis}); };
  check("an output of it", [&](Net& n) { n.g->add_output("size", total(n.w * n.w).value()); }, 0);
  check("the output itself", [&](Net& n) { n.g->add_output("old", n.w.value()); }, 3);  // the new values, to be copied
  check("another slot's update", [&](Net& n) {
    const Tensor kept = n.g.scope().state("kept", {in, out}, ones());
    n.g->add_update("kept", n.w.value());
  }, 4);
  check("another slot's update by arithmetic", [&](Net& n) {
    const Tensor kept = n.g.scope().state("kept", {in, out}, ones());
    n.g->add_update("kept", (kept * 0.5f + n.w).value());
  }, 1);
}

TEST_CASE("what comes of a gradient's norm and reads the slots comes before they are written") {
  Net n;
  Graph step = train_step(n.loss, AdamW{.clip = 0});
  const Tensor norm = step.output("grad_norm");
  step->add_output("beside", (norm * sum(step.parameter("w"), {in, out})).value());
  agrees(step, some(6));
}

TEST_CASE("a weight that two products read is written behind both") {
  Graph g;
  const Axis one{"one", kIn}, two{"two", kIn};
  const Tensor x = g.input("x", f32, {batch, in});
  const Tensor w = g.scope().param("w", {one, two}, ones());
  const Tensor h = tanh(dot(rename(x, "in", "one"), w, {one}));
  const Tensor y = dot(rename(h, "two", "one"), w, {one});
  const Graph step = train_step(mean(y * y, {batch, two}), AdamW{.clip = 0});
  agrees(step, some(9));
}

TEST_CASE("an index out of range changes no slot, wherever it is looked up") {
  const Axis token{"token"};
  for (const auto& [target, last] : {std::pair{Target::host(2), false}, {Target::host(2), true}, {Target::emulated(), true}}) {
    INFO((last ? "looked up behind the products" : "looked up first"));
    Net n;
    const Tensor at = n.g.input("at", i32, {token});
    const Tensor rows = gather(last ? grad(n.loss, {n.x})[0] : n.x, at, batch);
    n.g->add_output("rows", rows.value());
    const Graph step = train_step(n.loss, AdamW{.clip = 0});
    State state;
    Program p = compile(step, target, state);
    state.initialise(1);
    Arrays inputs = some(4);
    inputs["at"] = array({{"token", 3}}, std::vector<std::int32_t>{1, 4, 2});
    const std::string before = digest(state);
    CHECK_THROWS_WITH(p.run(inputs), Catch::Contains("4"));
    CHECK(digest(state) == before);
    inputs["at"] = array({{"token", 3}}, std::vector<std::int32_t>{1, 3, 2});
    p.run(inputs);
    CHECK(digest(state) != before);
  }
}

TEST_CASE("CUDA kernels write in place what a product teaches, too") {
  const auto slots = [](double clip) {
    Net n;
    State state;
    Program p = compile(train_step(n.loss, AdamW{.clip = clip}), Target::emulated(), state);
    state.initialise(1);
    for (int i = 0; i < 2; ++i) p.run(some(5));
    Arrays all = all_slots(state);
    all.erase("optimiser.clip");
    return all;
  };
  CHECK(digest(slots(0)) == digest(slots(1e30)));
}

TEST_CASE("models whose gradients are not clipped learn as those do whose norm no clip is below") {
  const auto slots = [](double clip, int threads) {
    Graph g;
    const Gpt2 c{.layers = 2, .heads = 2, .width = 64, .vocab = 70, .positions = 20};
    const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()}), targets = g.input("targets", i32, {c.batch, c.time()});
    const Graph step = train_step(cross_entropy(gpt2(g.scope(), tokens, c), targets, c.words()), AdamW{.rate = 1e-3, .clip = clip});
    CHECK(commits_early(*executable_of(step)) == (clip == 0));
    SmallRun run = train_small(step, Target::host(threads), 2);
    run.slots.erase("optimiser.clip");
    return run.slots;
  };
  const std::string want = digest(slots(1e30, 2));
  for (int threads : {1, 3}) CHECK(digest(slots(0, threads)) == want);
}
