// Contractions of few rows, on the kernel interpreter.
#include <uwaga/codegen/schedule/few_rows.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/few_rows_products.h"

namespace uwaga::test {
namespace {

bool is_few_rows(const Graph& g, const HostTarget& target) {
  const Clustering clustering = fuse(g);
  const Layouts layouts = choose_layouts(g, clustering);
  bool few = false;
  for (const Cluster& c : clustering.clusters) few |= c.kind == ClusterKind::contraction && has_few_rows(g, c, layouts, target);
  return few;
}

}  // namespace

TEST_CASE("products of few rows have the bits of every product") {
  int few = 0;
  for (const int bytes : {32, 64})
    for (const SizedGraph& p : few_rows_products()) {
      HostTarget target = with_vectors(bytes);
      target.tuning.whole_row_bytes = bytes == 64 ? 4096 : 0;  // tasks divide the terms, or the columns
      check_typed_bits(p, 7, target);
      few += is_few_rows(p.graph, target);
    }
  CHECK(few > 100);
}

TEST_CASE("products of many rows, of unknown rows, and in pairs have another schedule") {
  const auto product = [](const Axis& rows, DType d) {
    Graph g;
    const Tensor x = g.input("x", d, {rows, {"k", 64}}), y = g.input("y", d, {{"k", 64}, {"n", 64}});
    g->add_output("c", dot(x, y, {"k"}, f32).value());
    return g;
  };
  CHECK(is_few_rows(product({"m", 4}, f32), with_vectors(32)));
  CHECK_FALSE(is_few_rows(product({"m", 5}, f32), with_vectors(32)));
  CHECK(is_few_rows(product({"m", 8}, f32), with_vectors(64)));
  CHECK_FALSE(is_few_rows(product("m", f32), with_vectors(64)));
  CHECK(is_few_rows(product({"m", 1}, bf16), with_vectors(64)));
  HostTarget pairs = with_vectors(64);
  pairs.bf16_dot = true;
  CHECK_FALSE(is_few_rows(product({"m", 1}, bf16), pairs));
}

}  // namespace uwaga::test
