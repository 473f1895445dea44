// scan and cond on compiled kernels are what the interpreter says they are.
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/models/recurrent.h>

#include <cmath>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const Axis timing{"time"}, batch{"batch"}, in_axis{"in", 7}, state{"state", 13};

Array wave(const ArrayDims& dims, double phase = 0) {
  Array a(f32, dims);
  for (std::int64_t i = 0; i < a.elements(); ++i) a.set(i, 0.5 * std::sin(0.7 * static_cast<double>(i) + phase));
  return a;
}

// `largest_off`: 0 where no transcendental function is in it.
void agrees(const Graph& g, const Arrays& inputs, double largest_off) {
  const Arrays want = interpret(g, inputs, {}, Mode::typed).outputs;
  State none;
  for (int threads : {1, 3}) {
    const Arrays got = compile(g, Target::host(threads), none).run(inputs);
    for (const auto& [name, value] : want) {
      INFO(name);
      REQUIRE(got.at(name).dims() == value.dims());
      const std::vector<double> a = got.at(name).to_doubles(), b = value.to_doubles();
      double off = 0;
      for (std::size_t i = 0; i < a.size(); ++i) off = std::max(off, std::abs(a[i] - b[i]));
      CHECK(off <= largest_off);
    }
  }
}

// h' = f(x W + h U + b), weights captured.
Tensor recurrence(Graph& g, bool reverse, const std::function<Tensor(Tensor)>& f) {
  const Tensor x = g.input("x", f32, {batch, timing, in_axis}), w = g.input("w", f32, {in_axis, state});
  const Tensor u = g.input("u", f32, {state, {"next", 13}}), b = g.input("b", f32, {state}), h = g.input("h", f32, {batch, state});
  const ScanResult r = scan(timing, {h}, {x},
                            [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& slice, Tensor index) {
                              const Tensor mixed = rename(dot(carry[0], u, {state}), Axis{"next"}, state);
                              const Tensor next = f(dot(slice[0], w, {in_axis}) + mixed + b);
                              return ScanStep{{next}, {next, next * cast(index, f32)}};
                            },
                            {.reverse = reverse, .length = std::nullopt});
  g->add_output("states", r.outputs[0].value());
  g->add_output("weighted", r.outputs[1].value());
  g->add_output("last", r.carries[0].value());
  return sum(r.outputs[0] * r.outputs[0], {timing, batch, state}) + sum(r.carries[0], {batch, state});
}

Arrays recurrence_inputs(std::int64_t length, std::int64_t rows = 3) {
  return {{"x", wave({{"batch", rows}, {"time", length}, {"in", 7}})},
          {"w", wave({{"in", 7}, {"state", 13}}, 1)},
          {"u", wave({{"state", 13}, {"next", 13}}, 2)},
          {"b", wave({{"state", 13}}, 3)},
          {"h", wave({{"batch", rows}, {"state", 13}}, 4)}};
}

}  // namespace

TEST_CASE("a scan without functions gives the interpreter's bits, at every length and either way") {
  for (bool reverse : {false, true}) {
    Graph g;
    recurrence(g, reverse, [](Tensor x) { return max(min(x, 1.0f), -1.0f); });
    for (std::int64_t length : {0, 1, 2, 3, 16, 17}) {
      INFO("length " << length << (reverse ? ", reverse" : ""));
      agrees(g, recurrence_inputs(length), 0);
    }
  }
}

TEST_CASE("a gradient through a scan of symbolic length agrees with the interpreter") {
  for (bool reverse : {false, true}) {
    Graph g;
    const Tensor loss = recurrence(g, reverse, [](Tensor x) { return tanh(x); });
    const char* names[] = {"x", "w", "u", "b", "h"};
    std::vector<Tensor> wrt;
    for (NodeId id : g->inputs()) wrt.push_back({g.shared(), {id, 0}});
    const std::vector<Tensor> gradients = grad(loss, wrt);
    for (std::size_t i = 0; i < gradients.size(); ++i) g->add_output(std::string("gradient.") + names[i], gradients[i].value());
    for (std::int64_t length : {1, 2, 9}) {
      INFO("length " << length << (reverse ? ", reverse" : ""));
      agrees(g, recurrence_inputs(length, 2), 3e-5);
    }
    agrees(g, recurrence_inputs(0), 1e-6);
  }
}

TEST_CASE("one program of a scan serves every length") {
  Graph g;
  recurrence(g, false, [](Tensor x) { return tanh(x); });
  State none;
  Program one = compile(g, Target::host(2), none);
  for (std::int64_t length : {5, 1, 0, 33, 2})
    for (std::int64_t rows : {1, 4}) {
      INFO("length " << length << ", " << rows << " rows");
      CHECK(digest(one.run(recurrence_inputs(length, rows))) == digest(compile(g, Target::host(1), none).run(recurrence_inputs(length, rows))));
    }
  CHECK(one.kernels_compiled_in_run() == 0);
}

TEST_CASE("scans nest, the inner one reading what the outer one carries") {
  Graph g;
  const Axis outer_axis{"outer"}, inner_axis{"inner"}, n{"n", 5};
  const Tensor x = g.input("x", f32, {outer_axis, inner_axis, n}), k = g.input("k", f32, {n});
  const ScanResult r = scan(outer_axis, {k}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& in, Tensor i) {
    const ScanResult q = scan(
        inner_axis, {c[0]}, {in[0]},
        [&](const std::vector<Tensor>& d, const std::vector<Tensor>& row, Tensor j) {
          const Tensor next = d[0] * 0.5f + row[0] * k + cast(i * 10 + j, f32);
          return ScanStep{{next}, {next - c[0]}};
        },
        {.reverse = true, .length = std::nullopt});
    return ScanStep{{q.carries[0]}, {q.outputs[0], sum(q.outputs[0], {inner_axis})}};
  });
  g->add_output("all", r.outputs[0].value());
  g->add_output("sums", r.outputs[1].value());
  g->add_output("last", r.carries[0].value());
  for (const auto& [a, b] : std::vector<std::pair<std::int64_t, std::int64_t>>{{3, 4}, {1, 1}, {0, 2}, {2, 0}, {4, 17}}) {
    INFO(a << " by " << b);
    agrees(g, {{"x", wave({{"outer", a}, {"inner", b}, {"n", 5}})}, {"k", wave({{"n", 5}}, 1)}}, 0);
  }
}

TEST_CASE("a scan without slices runs as often as it is told") {
  Graph g;
  const Axis times{"times", 6}, n{"n", 3};
  const Tensor x = g.input("x", f32, {n});
  const ScanResult r = scan(times, {x}, {}, [](const std::vector<Tensor>& c, const std::vector<Tensor>&, Tensor i) {
    return ScanStep{{c[0] * 2.0f + cast(i, f32)}, {c[0]}};
  }, {.reverse = false, .length = Extent(6)});
  g->add_output("last", r.carries[0].value());
  g->add_output("all", r.outputs[0].value());
  agrees(g, {{"x", wave({{"n", 3}})}}, 0);
}

TEST_CASE("a scan slices and stacks narrow rows, which no vector load is aligned to") {
  Graph g;
  const Axis n{"n", 3};
  const Tensor x = g.input("x", f32, {timing, n}), flags = g.input("flags", boolean, {timing}), start = g.input("start", f64, {n});
  const ScanResult r = scan(timing, {start}, {x, flags}, [](const std::vector<Tensor>& c, const std::vector<Tensor>& in, Tensor) {
    const Tensor next = c[0] + cast(select(broadcast_like(in[1], in[0]), in[0], -in[0]), f64);
    return ScanStep{{next}, {cast(next, f32), logical_not(in[1]), cast(next, bf16)}};
  });
  g->add_output("last", r.carries[0].value());
  for (int i = 0; i < 3; ++i) g->add_output("stack" + std::to_string(i), r.outputs[static_cast<std::size_t>(i)].value());
  Array flag(boolean, {{"time", 9}});
  for (std::int64_t i = 0; i < 9; i += 2) flag.set_integer(i, 1);
  agrees(g, {{"x", wave({{"time", 9}, {"n", 3}})}, {"flags", flag}, {"start", wave({{"n", 3}}, 2).cast(f64)}}, 0);
}

TEST_CASE("a cond runs the branch its condition says, with captures, and inside a scan") {
  Graph g;
  const Axis n{"n", 5};
  const Tensor x = g.input("x", f32, {timing, n}), w = g.input("w", f32, {n});
  const ScanResult r = scan(timing, {w}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& in, Tensor i) {
    const std::vector<Tensor> out = cond(
        equal(rem(i, 3), 1), {c[0], in[0]}, [&](const std::vector<Tensor>& v) { return std::vector<Tensor>{v[0] + v[1] * w}; },
        [&](const std::vector<Tensor>& v) { return std::vector<Tensor>{v[0] - sum(v[1], {n})}; });
    return ScanStep{{out[0]}, {out[0]}};
  });
  g->add_output("all", r.outputs[0].value());
  const Tensor loss = sum(r.outputs[0] * r.outputs[0], {timing, n});
  g->add_output("gradient", grad(loss, {w})[0].value());
  for (std::int64_t length : {1, 2, 7}) agrees(g, {{"x", wave({{"time", length}, {"n", 5}})}, {"w", wave({{"n", 5}}, 1)}}, 2e-5);
}

TEST_CASE("recurrent networks train on compiled kernels as on the interpreter") {
  for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru}) {
    const auto step = [&] {
      Graph g;
      const Tensor x = g.input("x", f32, {batch, timing, in_axis});
      const RecurrentResult r = recurrent(g.scope(), x, timing, in_axis, state, {.cell = cell, .layers = 2, .bidirectional = true});
      return train_step(mean(r.output * r.output, {timing, batch, Axis{"state"}}), Sgd{.rate = 0.5});
    }();
    State host, oracle;
    Program a = compile(step, Target::host(2), host), b = compile(step, Target::interpreter(), oracle);
    host.initialise(1);
    for (const std::string& path : oracle.names()) oracle.set(path, host.get(path));
    for (std::int64_t length : {3, 1, 5}) {
      const Arrays in = {{"x", wave({{"batch", 2}, {"time", length}, {"in", 7}})}};
      CHECK(a.run(in)["loss"].item<float>() == Approx(b.run(in)["loss"].item<float>()).epsilon(1e-5));
    }
    for (const std::string& path : host.names()) {
      INFO(path);
      const std::vector<double> got = host.get(path).to_doubles(), want = oracle.get(path).to_doubles();
      double off = 0;
      for (std::size_t i = 0; i < got.size(); ++i) off = std::max(off, std::abs(got[i] - want[i]));
      CHECK(off < 1e-6);
    }
  }
}
