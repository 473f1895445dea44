// Reductions down columns in the kernel of reductions along the rows of the same tensors.
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/passes.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

// Gradients of layer_norm by everything, of `rows` times `batch` rows, and the maximum down its gradient's columns.
Graph norm_gradients(std::int64_t batch, std::int64_t rows, std::int64_t length, DType dtype) {
  Graph g;
  const Axis b("batch", batch), row("row", rows), model("model", length);
  const Tensor x = g.input("x", dtype, {b, row, model}), dy = g.input("dy", dtype, {b, row, model});
  const Tensor weight = g.input("weight", dtype, {model}), bias = g.input("bias", dtype, {model});
  const auto d = vjp({layer_norm(x, weight, bias, model, 1e-5)}, {x, weight, bias}, {dy});
  g->add_output("dx", d[0].value());
  g->add_output("dweight", d[1].value());
  g->add_output("dbias", d[2].value());
  g->add_output("largest", reduce_max(d[0], {"batch", "row"}).value());
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

void check_norm(std::int64_t batch, std::int64_t rows, std::int64_t length, DType dtype, int vector_bytes) {
  INFO(batch << " x " << rows << " rows of " << length << " " << name(dtype) << ", vectors of " << vector_bytes << " bytes");
  const Graph g = norm_gradients(batch, rows, length, dtype);
  HostTarget target;
  target.vector_bytes = vector_bytes;
  const Clustering clusters = fuse(g, {.sums_beside_rows = true});
  CHECK(clusters.clusters.size() == 1);
  CHECK(has_kernel(g, clusters, target, "rows.sums"));
  const Drawn given = draw(g, {}, 3);
  const Results want = interpret(g, given.inputs, given.parameters, Mode::typed);
  const ClusterRun have = run_clustering(g, clusters, given.inputs, given.parameters, {}, target);
  for (const auto& [name, array] : want.outputs) {
    INFO("output " << name);
    check_bits(have.outputs.at(name), array);
  }
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

TEST_CASE("what sums down columns beside rows need is known and short, and nothing of it is read by the rows") {
  const auto clusters_of = [](const Axis& row, std::int64_t length) {
    Graph g;
    const Axis model("model", length);
    const Tensor x = g.input("x", f32, {row, model});
    g->add_output("rows", softmax(x, model).value());
    g->add_output("columns", sum(x, {row}).value());
    return fuse(expand(g), {.sums_beside_rows = true}).clusters.size();
  };
  CHECK(clusters_of(Axis("row", 40), 512) == 1);
  CHECK(clusters_of(Axis("row"), 512) == 2);
  CHECK(clusters_of(Axis("row", 40), 10000) == 2);

  Graph g;
  const Axis row("row", 40), model("model", 512);
  const Tensor x = g.input("x", f32, {row, model});
  g->add_output("y", softmax(x - sum(x, {row}), model).value());
  CHECK(fuse(expand(g), {.sums_beside_rows = true}).clusters.size() == 2);
}

}  // namespace uwaga::test
