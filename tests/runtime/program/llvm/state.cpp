// What programs do to the state they share, and what a run that fails does not do.
#include <atomic>
#include <thread>

#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/thread_pool.h>
#include <uwaga/runtime/program/internal/state_data.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const Axis n{"n", 40};

// s <- s * 1.5 + x
Graph drive() {
  Graph g;
  const Tensor x = g.input("x", f32, {n}), s = g.scope().param("s", {n}, ones());
  g->add_update("s", (s * 1.5f + x).value());
  g->add_output("before", s.value());
  return g;
}

std::string message(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("programs on one state see each other's updates, with no copy between") {
  State state;
  Program train = compile(drive(), Target::host(2), state);
  Graph read;
  read->add_output("s", (read.scope().param("s", {n}, ones()) + 0.0f).value());
  Program eval = compile(read, Target::host(1), state);
  Program oracle = compile(read, Target::interpreter(), state);
  state.initialise(1);
  const Arrays in = {{"x", Array::of(f32, {{"n", 40}}, std::vector<float>(40, 0.25f))}};
  float want = 1;
  for (int i = 0; i < 5; ++i) {
    CHECK(train.run(in)["before"].at(39) == want);
    want = want * 1.5f + 0.25f;
    CHECK(eval.run({})["s"].at(39) == want);
    CHECK(oracle.run({})["s"].at(0) == want);
    CHECK(state.get("s").at(17) == want);
  }
  state.set("s", Array::of(f32, {{"n", 40}}, std::vector<float>(40, 8.0f)));
  CHECK(eval.run({})["s"].at(3) == 8);
  CHECK(train.run(in)["before"].at(3) == 8);
}

TEST_CASE("programs on one state that want as many threads share them, and count only their own launches") {
  State state, other;
  const auto threads = state.data().threads(2);
  Graph big;
  const Axis wide{"wide", 1 << 20};
  big->add_output("y", (big.input("x", f32, {wide}) * 2.0f).value());
  Program first = compile(big, Target::host(2), state), second = compile(drive(), Target::host(2), state);
  CHECK(threads.use_count() == 3);
  CHECK(state.data().threads(2) == threads);
  CHECK(state.data().threads(1) != threads);
  CHECK(other.data().threads(2) != threads);
  first.run({{"x", Array::of(f32, {{"wide", 1 << 20}}, std::vector<float>(1 << 20, 1.0f))}});
  CHECK(threads->parallel_runs() == first.parallel_launches());
  CHECK(second.parallel_launches() == 0);
}

TEST_CASE("what is got from a state is a copy, and copies of a state are the same state") {
  State state;
  Program p = compile(drive(), Target::host(1), state);
  state.initialise(1);
  const State same = state;
  const Array old = state.get("s");
  p.run({{"x", Array::of(f32, {{"n", 40}}, std::vector<float>(40, 1.0f))}});
  CHECK(old.at(0) == 1);
  CHECK(same.get("s").at(0) == 2.5f);
}

TEST_CASE("an output that is a slot keeps the value from before the update after later runs") {
  State state;
  Program p = compile(drive(), Target::host(1), state);
  state.initialise(1);
  const Arrays in = {{"x", Array::of(f32, {{"n", 40}}, std::vector<float>(40, 1.0f))}};
  const Arrays first = p.run(in);
  p.run(in);
  CHECK(first.at("before").at(0) == 1);
}

TEST_CASE("a training step that fails leaves every slot as it was and says why") {
  for (const Graph& step : {small_gpt2_step(), small_llama_step()})
    for (const Target& target : {Target::host(2), Target::interpreter()}) {
      INFO(target.str());
      State state;
      Program p = compile(step, target, state);
      state.initialise(3);
      p.run(small_batch(2, 5));
      const std::string before = digest(state);

      Arrays in = small_batch(3, 7);
      Arrays bad = in;
      bad.erase("targets");
      CHECK_THROWS_WITH(p.run(bad), Contains("targets"));
      bad = in;
      bad["targets"] = small_batch(3, 8).at("targets");
      CHECK_THROWS_WITH(p.run(bad), Contains("time") && Contains("7") && Contains("8"));
      bad = in;
      bad["tokens"] = bad["tokens"].cast(f32);
      CHECK_THROWS_AS(p.run(bad), Error);
      CHECK_THROWS_WITH(p.run(small_batch(1, 21)), Contains("time") && Contains("21") && Contains("20"));
      CHECK(digest(state) == before);
      for (std::int64_t id : {37, -1, 1000000}) {
        bad = in;
        bad["tokens"].set_integer(11, id);
        const std::string what = message([&] { p.run(bad); });
        CHECK_THAT(what, Contains("gather over 'vocab': index " + std::to_string(id) + " is outside vocab=37") && Contains(".cpp:"));
        CHECK(digest(state) == before);
      }
      // And it runs on as if nothing had been.
      const float loss = p.run(in)["loss"].item<float>();
      State again;
      Program q = compile(step, target, again);
      again.initialise(3);
      q.run(small_batch(2, 5));
      CHECK(q.run(in)["loss"].item<float>() == loss);
      CHECK(digest(again) == digest(state));
    }
}

TEST_CASE("an update that fails by itself commits nothing") {
  Graph g;
  const Axis vocab{"vocab", 6}, depth{"depth", 5}, at{"at"};
  const Tensor ids = g.input("ids", i32, {at});
  const Scope s = g.scope();
  const Tensor table = s.state("table", {vocab, depth}, ones()), other = s.state("other", {depth}, ones());
  const Tensor picked = gather(table, ids, vocab);
  g->add_update("table", scatter_add(table, ids, picked, vocab).value());
  g->add_update("other", (other * 2.0f).value());
  State state;
  Program p = compile(g, Target::host(2), state);
  state.initialise(1);
  const std::string before = digest(state);
  CHECK_THROWS_WITH(p.run({{"ids", array({{"at", 3}}, std::vector<std::int32_t>{0, 6, 2})}}),
                    Contains("index 6 is outside vocab=6") && Contains("state.cpp:"));
  CHECK(digest(state) == before);
  p.run({{"ids", array({{"at", 3}}, std::vector<std::int32_t>{0, 5, 0})}});
  // Both additions read what the table was before the run.
  CHECK(state.get("table").at({{"vocab", 0}, {"depth", 4}}) == 3);
  CHECK(state.get("table").at({{"vocab", 5}, {"depth", 0}}) == 2);
  CHECK(state.get("table").at({{"vocab", 1}, {"depth", 0}}) == 1);
  CHECK(state.get("other").at(0) == 2);
}

TEST_CASE("an update that reads rows out of range commits nothing") {
  Graph g;
  const Axis vocab{"vocab", 6}, depth{"depth", 5};
  const Tensor ids = g.input("ids", i32, {depth});
  const Tensor table = g.scope().state("table", {vocab, depth}, ones()), row = g.scope().state("row", {depth}, zeros());
  g->add_update("row", (row + gather(table, ids, vocab)).value());
  State state;
  Program p = compile(g, Target::host(1), state);
  state.initialise(1);
  const std::string before = digest(state);
  CHECK_THROWS_WITH(p.run({{"ids", array({{"depth", 5}}, std::vector<std::int32_t>{0, 1, 2, 3, -2})}}), Contains("index -2 is outside vocab=6"));
  CHECK(digest(state) == before);
}

TEST_CASE("a NaN that UWAGA_CHECK=nan finds in an update leaves the slots as they were") {
  Graph g;
  const Scope s = g.scope();
  const Tensor x = g.input("x", f32, {n}), a = s.state("a", {n}, ones()), b = s.state("b", {n}, ones());
  g->add_update("a", (a * 2.0f).value());
  g->add_update("b", (b + log(x)).value());
  State state;
  const Environment check("UWAGA_CHECK", "nan");
  Program p = compile(g, Target::host(1), state);
  state.initialise(1);
  const std::string before = digest(state);
  CHECK_THROWS_WITH(p.run({{"x", Array::of(f32, {{"n", 40}}, std::vector<float>(40, -1.0f))}}), Contains("makes a NaN"));
  CHECK(digest(state) == before);
  p.run({{"x", Array::of(f32, {{"n", 40}}, std::vector<float>(40, 1.0f))}});
  CHECK(state.get("a").at(39) == 2);
}

TEST_CASE("of several indices out of range the first op's is told, whatever comes later") {
  Graph g;
  const Axis big{"big", 50}, small{"small", 4}, at{"at", 2};
  const Tensor ids = g.input("ids", i32, {at});
  const Tensor a = g.input("a", f32, {big}), b = g.input("b", f32, {small});
  // The second lookup needs the first one's sum, so it runs later, and fails with a smaller index.
  const Tensor first = sum(gather(a, ids, big), {at});
  const Tensor then = cast(first, i32) + ids - 60;
  g->add_output("y", gather(b, then, small).value());
  State none;
  Program p = compile(g, Target::host(1), none);
  CHECK_THROWS_WITH(p.run({{"ids", array({{"at", 2}}, std::vector<std::int32_t>{99, 1})},
                           {"a", Array::of(f32, {{"big", 50}}, std::vector<float>(50, 0.0f))},
                           {"b", Array(f32, {{"small", 4}})}}),
                    Contains("gather over 'big': index 99 is outside big=50"));
}

TEST_CASE("an index out of range inside a scan is told with its line, and commits nothing") {
  Graph g;
  const Axis time{"time"}, vocab{"vocab", 3};
  const Tensor ids = g.input("ids", i32, {time});
  const Tensor table = g.scope().state("table", {vocab}, ones()), total = g.scope().state("total", {}, zeros());
  const ScanResult r = scan(time, {total}, {ids}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& in, Tensor) {
    return ScanStep{{c[0] + gather(table, in[0], vocab)}, {}};
  });
  g->add_update("total", r.carries[0].value());
  State state;
  Program p = compile(g, Target::host(1), state);
  state.initialise(1);
  const std::string before = digest(state);
  CHECK_THROWS_WITH(p.run({{"ids", array({{"time", 4}}, std::vector<std::int32_t>{0, 2, 3, 1})}}),
                    Contains("state.cpp:") && Contains("gather over 'vocab': index 3 is outside vocab=3"));
  CHECK(digest(state) == before);
  p.run({{"ids", array({{"time", 3}}, std::vector<std::int32_t>{0, 2, 1})}});
  CHECK(state.get("total").item<float>() == 3);
}

TEST_CASE("a second run on a state that is in use is an error, and the first is not disturbed", "[threads]") {
  const Graph step = small_gpt2_step();
  constexpr int kLeast = 4, kMost = 1000;
  const auto train = [&](int runs, bool disturbed) {
    State state;
    Program a = compile(step, Target::host(1), state), b = compile(step, Target::host(1), state);
    state.initialise(3);
    std::atomic<int> refused{0};
    std::atomic<bool> stop{false};
    std::thread other;
    if (disturbed)
      other = std::thread([&] {
        // Only what cannot bind: whoever gets the state first, nothing is committed by this thread.
        while (!stop) {
          if (message([&] { b.run({}); }).find("in use") != std::string::npos) ++refused;
          std::this_thread::yield();
        }
      });
    int ran = 0;
    // Until the other thread has met a run of this one: when that happens is the scheduler's affair.
    while (ran < runs || (disturbed && refused == 0 && ran < kMost)) {
      try {
        a.run(small_batch(4, 20, static_cast<std::uint64_t>(ran)));
        ++ran;
      } catch (const Error& e) {
        CHECK_THAT(std::string(e.what()), Contains("in use"));
      }
    }
    stop = true;
    if (disturbed) {
      other.join();
      CHECK(refused > 0);
    }
    return std::pair(ran, digest(state));
  };
  const auto [ran, disturbed] = train(kLeast, true);
  CHECK(train(ran, false).second == disturbed);
}
