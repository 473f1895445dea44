#include <uwaga/autodiff/autodiff.h>
#include <uwaga/autodiff/internal/min_cut.h>
#include <uwaga/autodiff/rematerialise.h>
#include <uwaga/ir/canonical.h>
#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/verify.h>

#include <algorithm>
#include <random>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// Is every path from sources to sinks cut?
bool separates(const autodiff::Network& n, const std::vector<bool>& cut) {
  std::vector<bool> reached(n.capacity.size(), false);
  for (std::size_t s : n.sources) reached[s] = !cut[s];
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [from, to] : n.arcs)
      if (reached[from] && !reached[to] && !cut[to]) reached[to] = grown = true;
  }
  return std::none_of(n.sinks.begin(), n.sinks.end(), [&](std::size_t s) { return reached[s]; });
}

const Axis batch{"batch"}, model{"model", 6};

Graph network_with_gradients(int layers) {
  Graph g;
  const Tensor x = g.input("x", f32, {batch, model});
  Tensor h = x;
  for (const Scope& s : g.scope().layers("h", layers)) {
    const Tensor w = s.param("w", {model, {"model.out", 6}}, normal(0.4));
    h = h + tanh(rename(dot(h, w, {model}), Axis{"model.out"}, model) * 1.5);
  }
  const Tensor loss = sum(h * h, {batch, model});
  g->add_output("loss", loss.value());
  for (const auto& [path, d] : grad(loss)) g->add_output(path, d.value());
  return g;
}

}  // namespace

TEST_CASE("a minimum vertex cut is minimal and separates, parallel arcs or not: against all subsets") {
  std::mt19937 engine(7);
  for (int trial = 0; trial < 300; ++trial) {
    autodiff::Network n;
    const std::size_t size = 3 + engine() % 7;
    for (std::size_t v = 0; v < size; ++v) n.capacity.push_back(engine() % 9);
    for (std::size_t a = 0; a < size; ++a)
      for (std::size_t b = a + 1; b < size; ++b)
        for (unsigned k = engine() % 3; k > 0; --k) n.arcs.emplace_back(a, b);
    n.sources = {0, 1};
    n.sinks = {size - 1};
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    for (unsigned subset = 0; subset < 1u << size; ++subset) {
      std::vector<bool> cut(size);
      std::int64_t capacity = 0;
      for (std::size_t v = 0; v < size; ++v)
        if ((cut[v] = subset >> v & 1)) capacity += n.capacity[v];
      if (capacity < best && separates(n, cut)) best = capacity;
    }
    const autodiff::Cut found = autodiff::min_vertex_cut(n);
    std::int64_t capacity = 0;
    for (std::size_t v = 0; v < size; ++v) capacity += found.cut[v] ? n.capacity[v] : 0;
    REQUIRE(found.capacity == best);
    REQUIRE(capacity == best);
    REQUIRE(separates(n, found.cut));
  }
}

TEST_CASE("rematerialisation keeps fewer bytes and changes no bit") {
  const Graph g = canonicalise(network_with_gradients(4));
  const Sizes sizes{{"batch", 5}};
  const Arrays in = random_inputs(g, {.sizes = sizes});
  Arrays f;
  for (const auto& [name, a] : in) f.emplace(name, a.cast(f32));
  const Arrays parameters = initial_parameters(g, 3);
  const Results before = interpret(g, f, parameters, Mode::typed);
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t budget : {100000, 1000, 500, 0}) {
    const Rematerialised r = rematerialise(g, {.budget = budget, .sizes = sizes});
    INFO("budget " << budget << ": " << r.bytes_before << " -> " << r.bytes_after << ", " << r.recomputed
                   << " nodes again");
    CHECK(r.bytes_after <= last);
    last = r.bytes_after;
    if (budget == 100000) {
      CHECK(&r.graph.data() == &g.data());
      CHECK(r.recomputed == 0);
    }
    const Results after = interpret(r.graph, f, parameters, Mode::typed);
    for (const auto& [name, value] : before.outputs) CHECK(value == after.outputs.at(name));
    verify(r.graph, "rematerialisation");
    std::int64_t kept = 0;
    for (const KeptValue& k : r.kept) kept += k.bytes;
    if (r.recomputed) CHECK(kept == r.bytes_after);
    // Merging equal nodes does not undo it.
    if (r.recomputed) CHECK(canonicalise(r.graph)->nodes().size() > g->nodes().size());
  }
  CHECK(last == 0);  // everything can be computed again from the input and the parameters
}

TEST_CASE("elementwise chains are computed again before any contraction is") {
  const Graph g = canonicalise(network_with_gradients(3));
  const Sizes sizes{{"batch", 5}};
  const std::int64_t all = rematerialise(g, {.budget = 0, .sizes = sizes}).bytes_before;
  const Rematerialised r = rematerialise(g, {.budget = all - 1, .sizes = sizes});
  REQUIRE(r.recomputed > 0);
  int dots_before = 0, dots_after = 0;
  for (const Node& n : g->nodes()) dots_before += n.op == Op::dot;
  for (const Node& n : r.graph->nodes()) dots_after += n.op == Op::dot;
  CHECK(dots_before == dots_after);
}
