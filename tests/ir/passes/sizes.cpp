#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/sizes.h>
#include <uwaga/ir/verify.h>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("a graph for one size says it in types, attributes and bodies") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "time"});
  const Extent batch = x.extent("batch");
  const Tensor wide = broadcast(slice(x, "batch", Extent(0), batch - 1), {{"copy", 2 * batch}});
  g->add_output("y", scan("time", {sum(wide, {"time"})}, {wide}, [](const auto& carries, const auto& slices, Tensor) {
                       return ScanStep{{carries[0] + slices[0]}, {}};
                     }).carries[0].value());
  const Graph one = with_sizes(g, {{"batch", 3}, {"unused", 7}});
  verify(one);
  CHECK(one->type(one->outputs()[0].value).str() == "f32[copy=6, batch=2]");
  CHECK(one->node(one->inputs()[0]).types[0].str() == "f32[batch=3, time]");
  for (const Node& n : one->nodes())
    if (n.op == Op::scan) CHECK(n.as<ScanAttrs>().body->node(n.as<ScanAttrs>().body->inputs()[0]).types[0].str() == "f32[copy=6, batch=2]");
  CHECK(&with_sizes(g, {}).data() == &g.data());
}
