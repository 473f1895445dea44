// Products whose terms tasks divide, on the kernel interpreter.
#include <uwaga/codegen/schedule.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/counted_tasks.h"
#include "tests/codegen/schedule/divided_products.h"

namespace uwaga::test {
namespace {

Schedule scheduled(const Graph& g, const HostTarget& target) {
  const Clustering clustering = fuse(g);
  return schedule_for_host(g, clustering.clusters.back(), choose_layouts(g, clustering), target);
}

Graph product(std::int64_t rows, std::int64_t columns, const Axis& over) {
  Graph g;
  const Tensor x = g.input("x", f32, {over, Axis("m", rows)}), y = g.input("y", f32, {over, Axis("n", columns)});
  g->add_output("c", dot(x, y, {"k"}).value());
  return g;
}

}  // namespace

TEST_CASE("products whose terms tasks divide have the bits of every product") {
  for (const int bytes : {16, 64})
    for (const SizedGraph& p : divided_products()) {
      HostTarget target = with_vectors(bytes);
      target.threads = 16;
      check_typed_bits(p, 7, target);
      CHECK(scheduled(p.graph, target).temporaries.size() == 1);
    }
}

TEST_CASE("tasks divide the terms of a product that has too few tasks for the threads, and is small") {
  const Axis known("k", 8 * 512), open("k");
  CHECK(scheduled(product(64, 64, known), wide(2)).kernels.size() == 2);
  CHECK(scheduled(product(64, 64, open), wide(2)).kernels.size() == 2);
  CHECK(scheduled(product(64, 64, known), wide(1)).kernels.size() == 1);             // nobody to divide it with
  CHECK(scheduled(product(64, 64, Axis("k", 512)), wide(2)).kernels.size() == 1);    // one block
  CHECK(scheduled(product(256, 256, known), wide(2)).temporaries.empty());           // sums that weigh as much as what they are of
  CHECK(scheduled(product(64, 64, Axis("k", 2 * 512)), wide(8)).kernels.size() == 2);
  const Graph g = product(64, 64, known);
  const Drawn given = draw(g, {}, 5);
  CHECK(run_counted(g, given.inputs, wide(2)).most_tasks >= 8);
  const Graph few_blocks = product(128, 128, Axis("k", 2 * 512));  // its rows and columns are divided too
  CHECK(run_counted(few_blocks, draw(few_blocks, {}, 5).inputs, wide(16)).most_tasks >= 8);
}

}  // namespace uwaga::test
