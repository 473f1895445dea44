// Passes take time in proportion to the graph. The measure is loose: processor time, the least of a few runs, and a factor
// that only something quadratic exceeds.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>

#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/pass.h>
#include <uwaga/ir/passes/passes.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {

// About this many nodes once calls are written out: residual blocks with parameters, their sums of squares, and updates.
Graph blocks(int nodes) {
  const Axis batch{"batch"}, model{"model", 8};
  Graph g;
  Tensor x = g.input("x", f32, {batch, model});
  Tensor squares = constant(g, 0.0, f32);
  for (Scope s : g.scope().layers("h", nodes / 50)) {
    const Tensor scale = s.param("scale", {model}, ones()), w = s.param("w", {{"model", 8}, {"out", 8}}, normal(0.1));
    const Tensor h = gelu_tanh(rename(dot(rms_norm(x, scale, model, 1e-5), w, {model}), "out", model));
    x = x + softmax(h * 1.0 + 0.0, model);
    squares = squares + sum(w * w, {model, "out"});
    g->add_update(fmt::format("{}.w", s.path()), (w - 0.1 * w).value());
  }
  g->add_output("x", x.value());
  g->add_output("squares", squares.value());
  return g;
}

const std::vector<Pass> kPasses = {{"expand", [](const Graph& g) { return expand(g); }}, {"strip", strip}, {"simplify", simplify},
                                   {"fold", fold}, {"cse", cse}, {"dce", dce}};

struct Measured {
  int nodes = 0;
  double seconds = std::numeric_limits<double>::infinity();
};

Measured measured(int nodes, int runs) {
  Measured out;
  for (int i = 0; i < runs; ++i) {
    const std::clock_t begin = std::clock();
    const Graph before = blocks(nodes);
    const Graph after = run_passes(before, kPasses);
    out.seconds = std::min(out.seconds, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    out.nodes = expand(before)->size();
  }
  return out;
}

}  // namespace

TEST_CASE("building a graph and all passes take time in proportion to its nodes") {
  const Measured small = measured(10'000, 5), large = measured(100'000, 3);
  INFO(small.nodes << " nodes in " << small.seconds * 1e3 << " ms, " << large.nodes << " in " << large.seconds * 1e3 << " ms");
  CHECK(small.nodes > 5'000);
  CHECK(large.nodes == Approx(10.0 * small.nodes).epsilon(0.02));
  // Ten times the nodes no longer fit the caches: up to twenty times the time. A pass that is quadratic takes a hundred.
  CHECK(large.seconds <= 35 * small.seconds);
}
