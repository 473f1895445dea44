// Reductions down columns in the kernel of reductions along the rows of the same tensors.
#include <set>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/codegen/kernel/hash.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/passes.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

// Gradients of layer_norm by everything, of all rows of a batch, and the maximum down its gradient's columns. What comes in may be the
// result of a product.
Graph norm_gradients(const Axis& b, const Axis& row, std::int64_t length, DType dtype, bool by_product = false) {
  Graph g;
  const Axis model("model", length);
  const Tensor x = g.input("x", dtype, {b, row, model});
  const Axis inner("inner", 7);
  const Tensor dy = by_product ? dot(g.input("dy", dtype, {b, row, inner}), g.input("w", dtype, {inner, model}), {inner})
                               : g.input("dy", dtype, {b, row, model});
  const Tensor weight = g.input("weight", dtype, {model}), bias = g.input("bias", dtype, {model});
  const auto d = vjp({layer_norm(x, weight, bias, model, 1e-5)}, {x, weight, bias}, {dy});
  g->add_output("dx", d[0].value());
  g->add_output("dweight", d[1].value());
  g->add_output("dbias", d[2].value());
  g->add_output("largest", reduce_max(d[0], Axes{b, row}).value());
  g->add_output("norm", sum(d[0] * d[0], {model}).value());
  return expand(g);
}

bool has_kernel(const Graph& g, const Clustering& c, const HostTarget& target, std::string_view kind) {
  const Layouts layouts = choose_layouts(g, c);
  for (const Cluster& cluster : c.clusters)
    for (const ScheduledKernel& k : schedule_for_host(g, cluster, layouts, target).kernels)
      if (k.kernel.kind == kind) return true;
  return false;
}

// At all of these sizes with the kernels of one clustering.
void check_gradients(const Graph& g, const std::vector<Sizes>& sizes, int vector_bytes) {
  HostTarget target;
  target.vector_bytes = vector_bytes;
  const Clustering clusters = fuse(g, {.sums_beside_rows = true});
  CHECK(clusters.clusters.size() == 1);
  CHECK(has_kernel(g, clusters, target, "rows.sums"));
  for (const Sizes& s : sizes) {
    INFO(g->type(g->outputs()[0].value).str() << ", vectors of " << vector_bytes << " bytes");
    for (const auto& [symbol, n] : s) UNSCOPED_INFO(symbol << "=" << n);
    const Drawn given = draw(g, s, 3);
    const Results want = interpret(g, given.inputs, given.parameters, Mode::typed, {.observe = {}, .refuse_nan = false, .sizes = s});
    const ClusterRun have = run_clustering(g, clusters, given.inputs, given.parameters, s, target);
    for (const auto& [name, array] : want.outputs) {
      INFO("output " << name);
      check_bits(have.outputs.at(name), array);
    }
  }
}
void check_norm(std::int64_t batch, std::int64_t rows, std::int64_t length, DType dtype, int vector_bytes) {
  check_gradients(norm_gradients(Axis("batch", batch), Axis("row", rows), length, dtype), {{}}, vector_bytes);
}

}  // namespace

TEST_CASE("a norm's gradients are one cluster, and its sums down columns keep the order of their terms") {
  for (std::int64_t rows : {5, 17, 32, 33, 150})
    for (std::int64_t length : {9, 16, 37}) check_norm(2, rows, length, f32, 32);
  check_norm(1, 90, 64, f32, 64);
  check_norm(3, 30, 24, f64, 32);
  check_norm(3, 30, 24, bf16, 32);
}

TEST_CASE("sums down columns beside rows keep the order of their terms over several blocks of them") {
  check_norm(1, 4100, 9, f32, 16);
  check_norm(3, 2800, 9, f32, 16);
}

TEST_CASE("sums down columns beside rows keep the order of their terms whatever their number, which only a run knows") {
  std::vector<Sizes> sizes;
  for (std::int64_t rows : {0, 1, 2, 15, 63, 64, 65, 511, 512, 513, 1000, 4095, 4096, 4097, 9001}) sizes.push_back({{"row", rows}});
  check_gradients(norm_gradients(Axis("batch", 1), Axis("row"), 9, f32), sizes, 32);
  sizes.clear();
  for (std::int64_t batch : {0, 1, 3, 8})
    for (std::int64_t rows : {0, 1, 17, 64, 600}) sizes.push_back({{"batch", batch}, {"row", rows}});
  for (DType d : {f32, f64, bf16}) check_gradients(norm_gradients(Axis("batch"), Axis("row"), 16, d), sizes, d == f32 ? 64 : 32);
}

TEST_CASE("a product whose result a norm's gradients read stores that result alone") {
  const Graph g = norm_gradients(Axis("batch"), Axis("row"), 24, f32, true);
  const Clustering c = fuse(g, {.sums_beside_rows = true});
  REQUIRE(c.clusters.size() == 2);
  CHECK(c.clusters[0].kind == ClusterKind::contraction);
  CHECK(c.clusters[0].outputs.size() == 1);
  CHECK(c.clusters[1].outputs.size() == 5);
  const Sizes sizes{{"batch", 3}, {"row", 50}};
  const Drawn given = draw(g, sizes, 5);
  const Results want = interpret(g, given.inputs, given.parameters, Mode::typed, {.observe = {}, .refuse_nan = false, .sizes = sizes});
  const ClusterRun have = run_clustering(g, c, given.inputs, given.parameters, sizes);
  for (const auto& [name, array] : want.outputs) check_bits(have.outputs.at(name), array);
}

TEST_CASE("the sums of tasks have room whatever the number of terms") {
  for (std::int64_t length : {16, 64, 255, 256, 257, 768, 8192}) {
    const Graph g = norm_gradients(Axis("batch"), Axis("row"), length, f32);
    const Clustering clusters = fuse(g, {.sums_beside_rows = true});
    const Schedule s = schedule_for_host(g, clusters.clusters.back(), choose_layouts(g, clusters), {});
    INFO(length << " elements a row, " << clusters.clusters.size() << " clusters");
    REQUIRE(s.temporaries.size() == 3);
    for (std::int64_t rows : {0, 1, 4095, 4096, 4097, 8192, 8193, 1000001}) {
      INFO(rows << " rows of " << length);
      CHECK(s.temporaries[0].count({{"batch", 1}, {"row", rows}}) >= (rows + 4095) / 4096 * 16 * length);
    }
  }
}

TEST_CASE("sums of different clusters have one kernel that joins their tasks") {
  Graph g;
  const Axis row("row"), model("model", 48);
  const Tensor x = g.input("x", f32, {row, model}), y = g.input("y", f32, {row, model});
  g->add_output("softmax", softmax(x, model).value());
  g->add_output("columns", sum(x, {row}).value());
  g->add_output("norm", (y * sum(y * y, {model})).value());
  g->add_output("other columns", sum(y, {row}).value());
  const Graph e = expand(g);
  const Clustering clusters = fuse(e, {.sums_beside_rows = true});
  REQUIRE(clusters.clusters.size() == 2);
  const Layouts layouts = choose_layouts(e, clusters);
  std::set<Hash128> joins;
  for (const Cluster& c : clusters.clusters) {
    const Schedule s = schedule_for_host(e, c, layouts, {});
    REQUIRE(s.kernels.size() == 2);
    joins.insert(kernel::hash(s.kernels[1].kernel));
    REQUIRE(s.kernels[1].nodes.size() == 1);
    CHECK(e->node(c.nodes[s.kernels[1].nodes[0]]).op == Op::sum);
    CHECK(e->type({c.nodes[s.kernels[1].nodes[0]], 0}).axes() == AxisNames{"model"});
  }
  CHECK(joins.size() == 1);
}

TEST_CASE("what is summed down columns beside rows is of known length and short, and nothing of it is read by the rows") {
  const auto clusters_of = [](const Axis& row, std::int64_t length) {
    Graph g;
    const Axis model("model", length);
    const Tensor x = g.input("x", f32, {row, model});
    g->add_output("rows", softmax(x, model).value());
    g->add_output("columns", sum(x, {row}).value());
    return fuse(expand(g), {.sums_beside_rows = true}).clusters.size();
  };
  CHECK(clusters_of(Axis("row", 40), 512) == 1);
  CHECK(clusters_of(Axis("row"), 512) == 1);
  CHECK(clusters_of(Axis("row"), 10000) == 2);

  Graph g;
  const Axis row("row", 40), model("model", 512);
  const Tensor x = g.input("x", f32, {row, model});
  g->add_output("y", softmax(x - sum(x, {row}), model).value());
  CHECK(fuse(expand(g), {.sums_beside_rows = true}).clusters.size() == 2);
}

}  // namespace uwaga::test
