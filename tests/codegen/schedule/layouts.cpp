// How stored values lie in memory.
#include <algorithm>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/precision.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

// dV = P dO has the keys behind the depth, and lies as V does; so does what is rounded of it for the next products.
TEST_CASE("rounded and renamed gradients of attention lie as the operands do that they belong to") {
  const Axis batch("batch", 2), time("time", 6), key("key", 6), head("head", 3), depth("depth", 4), model("model", 12);
  Graph g;
  const Tensor x = g.input("x", f32, {batch, time, model}), w = g.input("w", f32, {model, head, depth});
  const Tensor q = g.input("q", f32, {batch, time, head, depth}), k = g.input("k", f32, {batch, key, head, depth});
  const Tensor v = rename(dot(x, w, {model}), time, key);
  const Tensor o = attention(q, k, v, {.query = time, .key = key, .depth = depth});
  const std::vector<Tensor> d = vjp({o}, {x, w}, {g.input("do", f32, {batch, time, head, depth})});
  g->add_output("dx", d[0].value());
  g->add_output("dw", d[1].value());
  const Graph narrow = compute_in(g, bf16);
  const Clustering c = fuse(narrow);
  const Layouts layouts = choose_layouts(narrow, c);
  int turned = 0;
  for (const Cluster& cluster : c.clusters)
    for (const Value stored : cluster.outputs) {
      const AxisNames axes = narrow->type(stored).axes();
      if (narrow->type(stored).dtype != bf16 || std::find(axes.begin(), axes.end(), "depth") == axes.end()) continue;
      turned += axes.back() != "depth";
      CHECK(layouts.at(stored).order.back() == "depth");
    }
  CHECK(turned > 0);
}

TEST_CASE("products that are added to rows of a table lie as these rows do") {
  const Axis row("row", 6), expert("expert", 3), model("model", 5), hidden("hidden", 7);
  Graph g;
  const Tensor dy = g.input("dy", f32, {hidden, row}), x = g.input("x", f32, {row, model}), id = g.input("id", i32, {row});
  const Tensor zero = broadcast(constant(g, 0.0, f32), {{"expert", 3}, {"model", 5}, {"hidden", 7}});
  const Tensor updates = dot(dy, x, {});
  g->add_output("y", scatter_add(zero, id, updates, expert).value());
  CHECK(choose_layouts(g, fuse(g)).at(updates.value()).order == AxisNames{"row", "model", "hidden"});
}

}  // namespace uwaga::test
