// Contractions without rows and columns, on the kernel interpreter.
#include <uwaga/codegen/schedule/inner_products.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/inner_products.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

bool is_inner(const Graph& g, const HostTarget& target) {
  const Clustering clustering = fuse(g);
  const Layouts layouts = choose_layouts(g, clustering);
  bool inner = false;
  for (const Cluster& c : clustering.clusters) inner |= c.kind == ClusterKind::contraction && has_inner_products(g, c, layouts, target);
  return inner;
}

}  // namespace

TEST_CASE("inner products have the bits of every product") {
  for (const int bytes : {16, 64})
    for (const SizedGraph& p : inner_products()) {
      check_typed_bits(p, 7, with_vectors(bytes));
      CHECK(is_inner(p.graph, with_vectors(bytes)));
    }
}

TEST_CASE("the sums of many blocks are shared out, and take memory for as many") {
  Graph g;
  const Tensor x = g.input("x", f32, {"k"});
  g->add_output("c", dot(x, x, {"k"}).value());
  const Clustering clustering = fuse(g);
  const Schedule s = schedule_for_host(g, clustering.clusters[0], choose_layouts(g, clustering), with_vectors(64));
  REQUIRE(s.kernels.size() == 2);
  REQUIRE(s.temporaries.size() == 1);
  for (std::int64_t k : {0, 1, 512, 513, 1 << 20}) {
    const std::int64_t blocks = std::max<std::int64_t>(1, (k + 511) / 512), count = s.temporaries[0].count({{"k", k}});
    CHECK(count >= blocks);
    CHECK(count <= blocks + 1);
  }
}

}  // namespace uwaga::test
