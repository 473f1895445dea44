// Reductions along rows, down columns and over everything: the order of terms that the contracts fix, at every length.
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/flat_indices.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

void check_graph(const Graph& g, const Sizes& sizes, int vector_bytes = 32) {
  const Drawn given = draw(g, sizes, 3);
  HostTarget target;
  target.vector_bytes = vector_bytes;
  const Results want = interpret(g, given.inputs, given.parameters, Mode::typed);
  const ClusterRun have = run_clusters(g, given.inputs, given.parameters, sizes, target);
  for (const auto& [name, array] : want.outputs) {
    INFO("output " << name << ", vectors of " << vector_bytes << " bytes");
    check_bits(have.outputs.at(name), array);
  }
}

}  // namespace

TEST_CASE("sums along rows keep the order of their terms") {
  for (std::int64_t n : {0, 1, 7, 63, 64, 65, 200, 4095, 4097, 9000}) {
    INFO("n=" << n);
    Graph g;
    const Tensor x = g.input("x", f32, {Axis("row", 2), Axis("n")});
    g->add_output("sum", sum(x, {"n"}).value());
    g->add_output("max", reduce_max(x, {"n"}).value());
    g->add_output("costly", sum(exp(x), {"n"}).value());
    for (int bytes : {16, 64}) check_graph(g, {{"n", n}}, bytes);
  }
}

TEST_CASE("sums down columns keep the order of their terms") {
  for (std::int64_t n : {0, 1, 65, 4100})
    for (std::int64_t columns : {1, 5, 16, 37}) {
      INFO("n=" << n << ", columns=" << columns);
      Graph g;
      const Tensor x = g.input("x", f32, {"n", "column"});
      g->add_output("sum", sum(x * 2.0, {"n"}).value());
      check_graph(g, {{"n", n}, {"column", columns}});
    }
}

TEST_CASE("sums over everything keep the order of their terms, in two kernels") {
  for (std::int64_t n : {0, 1, 100, 4096, 13000}) {
    INFO("n=" << n);
    Graph g;
    const Tensor x = g.input("x", f32, {"n", Axis("m", 2)});
    g->add_output("norm", sqrt(sum(x * x, {"n", "m"})).value());
    check_graph(g, {{"n", n}});
  }
}

TEST_CASE("terms count in the order in which the sum names its axes") {
  Graph g;
  const Tensor x = g.input("x", f32, {Axis("a", 3), Axis("b", 5), Axis("c", 70)});
  g->add_output("written", sum(x, {"b", "c"}).value());
  g->add_output("turned", sum(x, {"c", "b"}).value());
  g->add_output("outer", sum(x, {"b", "a"}).value());
  g->add_output("ends", sum(x, {"c", "a"}).value());
  check_graph(g, {});
}

TEST_CASE("one index over several axes in vectors, whole or over an end, or from before all elements") {
  for (const SizedGraph& f : flat_indices()) {
    INFO(f.what);
    for (int bytes : {16, 32, 64}) check_graph(f.graph, f.sizes, bytes);
  }
}

}  // namespace uwaga::test
