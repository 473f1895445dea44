// The order of a cluster's nodes and values, and when two clusters are one schedule.
#include <uwaga/codegen/fuse/cluster_order.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"

namespace uwaga::test {
namespace {

// The signature of the cluster of dot(rename(x), w), or of that + the sum of the renamed x, where x is written and lies in these orders.
Hash128 signature(const Axes& written, const AxisNames& lies, bool added = false) {
  const Axis row("row", 3), key("key", 5), out("out", 7);
  Graph g;
  const Tensor x = g.input("x", f32, written), w = g.input("w", f32, {key, out});
  const Tensor renamed = rename(x, row, Axis("time", 3));
  Tensor y = dot(renamed, w, {key});
  if (added) y = y + broadcast_like(sum(renamed, {key}), y);
  g->add_output("y", y.value());
  Cluster c;
  c.kind = ClusterKind::contraction;
  for (NodeId id = 0; id < g->nodes().size(); ++id)
    if (g->node(id).op != Op::input) c.nodes.push_back(id);
  c.inputs = {x.value(), w.value()};
  c.outputs = {y.value()};
  Layouts layouts;
  layouts[x.value()] = Layout{lies};
  layouts[w.value()] = Layout{{"key", "out"}};
  layouts[y.value()] = Layout{{"time", "out"}};
  return ClusterOrder(g, layouts).canonicalise(c);
}

}  // namespace

TEST_CASE("two products are one schedule in whatever order the types of their operands are written, if these lie alike") {
  const Axis row("row", 3), key("key", 5);
  CHECK(signature({row, key}, {"row", "key"}) == signature({key, row}, {"row", "key"}));
  CHECK(signature({row, key}, {"row", "key"}) != signature({row, key}, {"key", "row"}));
  CHECK(signature({row, key}, {"row", "key"}, true) != signature({key, row}, {"row", "key"}, true));
}

}  // namespace uwaga::test
