// Dropout: the masks are those of the interpreter, to the bit, whatever computes them and however the batch is cut.
#include <uwaga/autodiff/autodiff.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const Axis batch{"batch"}, timing{"time"}, n{"n", 11};

Graph masks() {
  Graph g;
  const Tensor x = g.input("x", f32, {batch, timing, n});
  const Scope s = g.scope();
  g->add_output("one", dropout(s / "one", x, 0.3).value());
  g->add_output("two", dropout(s / "two", x, 0.3).value());
  g->add_output("turned", order(dropout(s / "turned", order(x, {n, timing, batch}), 0.5), {batch, timing, n}).value());
  g->add_output("bits", random_bits(s, "bits", Type{i32, x.type().dims}).value());
  g->add_update("step", (g.step() + std::int64_t{1}).value());
  return g;
}

Arrays ones(std::int64_t rows, std::int64_t times) {
  return {{"x", Array::of(f32, {{"batch", rows}, {"time", times}, {"n", 11}}, std::vector<float>(static_cast<std::size_t>(rows * times * 11), 1.0f))}};
}

}  // namespace

TEST_CASE("dropout masks are the interpreter's, step by step, at every size") {
  State host, oracle;
  Program a = compile(masks(), Target::host(3), host), b = compile(masks(), Target::interpreter(), oracle);
  host.initialise(5);
  oracle.initialise(5, Target::interpreter());
  std::string last;
  for (const auto& [rows, times] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {5, 13}, {2, 16}, {3, 17}, {5, 13}}) {
    INFO(rows << " rows, " << times << " times");
    const Arrays got = a.run(ones(rows, times)), want = b.run(ones(rows, times));
    for (const auto& [name, value] : want) {
      INFO(name);
      CHECK(got.at(name) == value);
    }
    CHECK(digest(got) != last);
    last = digest(got);
  }
  CHECK(!(a.run(ones(5, 13))["one"] == a.run(ones(5, 13))["two"]));
}

TEST_CASE("another seed gives other masks, the same seed the same") {
  const auto bits = [](std::int64_t seed) {
    State state;
    Program p = compile(masks(), Target::host(2), state);
    state.initialise(seed);
    return digest(p.run(ones(4, 9)));
  };
  CHECK(bits(5) == bits(5));
  CHECK(bits(5) != bits(6));
}

TEST_CASE("rows of a batch keep their masks when further rows come behind them") {
  const auto run = [](std::int64_t rows) {
    State state;
    Program p = compile(masks(), Target::host(2), state);
    state.initialise(5);
    return p.run(ones(rows, 7));
  };
  // Elements are counted in axes sorted by name, the batch first: a smaller batch is a beginning of the larger one.
  const Arrays small = run(3), large = run(8);
  for (const char* name : {"one", "two", "turned", "bits"}) {
    INFO(name);
    for (std::int64_t i = 0; i < small.at(name).elements(); ++i) {
      const std::int64_t b = i / 77, t = i / 11 % 7, k = i % 11;
      REQUIRE(small.at(name).at(i) == large.at(name).at({{"batch", b}, {"time", t}, {"n", k}}));
      if (b == 2 && t == 6 && k == 10) CHECK(i == 3 * 77 - 1);
    }
  }
}

TEST_CASE("dropout inside a scan gives the interpreter's mask, on any number of threads") {
  Graph g;
  const Tensor x = g.input("x", f32, {timing, batch, n});
  const Scope s = g.scope();
  const ScanResult r = scan(timing, {sum(x * 0.0f, {timing})}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& in, Tensor) {
    const Tensor kept = dropout(s, in[0], 0.5);
    return ScanStep{{c[0] + kept}, {kept}};
  });
  g->add_output("kept", r.outputs[0].value());
  g->add_output("total", r.carries[0].value());
  const auto run = [&](const Target& target) {
    State state;
    Program p = compile(g, target, state);
    state.initialise(2);
    return p.run(ones(3, 6));
  };
  const Arrays host = run(Target::host(1)), oracle = run(Target::interpreter());
  CHECK(host.at("kept") == oracle.at("kept"));
  CHECK(host.at("total") == oracle.at("total"));
  CHECK(digest(run(Target::host(3))) == digest(host));
  // No two turns drop the same 33 elements.
  const Array kept = host.at("kept").reordered({"time", "batch", "n"});
  for (std::int64_t a = 0; a < 6; ++a)
    for (std::int64_t b = 0; b < a; ++b) {
      bool same = true;
      for (std::int64_t i = 0; i < 33; ++i) same = same && kept.at(a * 33 + i) == kept.at(b * 33 + i);
      CHECK(!same);
    }
}

TEST_CASE("training through dropout in nested scans gives the interpreter's gradients, on any number of threads") {
  const Axis turn{"turn"};
  Graph g;
  const Tensor x = g.input("x", f32, {timing, turn, n});
  const Scope s = g.scope();
  const ScanResult outer = scan(timing, {}, {x}, [&](const std::vector<Tensor>&, const std::vector<Tensor>& in, Tensor) {
    const ScanResult inner = scan(turn, {}, {in[0]}, [&](const std::vector<Tensor>&, const std::vector<Tensor>& row, Tensor) {
      return ScanStep{{}, {dropout(s, row[0], 0.5)}};
    });
    return ScanStep{{}, {inner.outputs[0]}};
  });
  g->add_output("y", outer.outputs[0].value());
  g->add_output("dx", grad(sum(outer.outputs[0], {timing, turn, n}), {x})[0].value());
  const auto run = [&](const Target& target) {
    State state;
    Program p = compile(g, target, state);
    state.initialise(2);
    return p.run({{"x", Array::of(f32, {{"time", 4}, {"turn", 3}, {"n", 11}}, std::vector<float>(132, 1.0f))}});
  };
  const Arrays host = run(Target::host(1)), oracle = run(Target::interpreter());
  CHECK(host.at("y") == oracle.at("y"));
  CHECK(host.at("dx") == oracle.at("dx"));
  CHECK(host.at("dx").reordered({"time", "turn", "n"}) == host.at("y").reordered({"time", "turn", "n"}));
  CHECK(digest(run(Target::host(3))) == digest(host));
}
