#include <uwaga/ir/verify.h>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/ir/every_op.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {
const Axis model{"model", 8};

// x -> exp -> y, with one thing about it broken by `damage`.
template <typename F>
std::string broken(F damage) {
  Graph g;
  Tensor x = g.input("x", f32, {model});
  exp(x).watch("y");
  damage(g, const_cast<StableList<Node>&>(g->nodes()));
  try {
    verify(g, "fold");
  } catch (const InternalError& e) {
    return e.what();
  }
  return "no error";
}
}  // namespace

TEST_CASE("The verifier finds nothing wrong with any op") {
  for (const OpExample& e : every_op()) {
    INFO(e.what);
    CHECK_NOTHROW(verify(e.graph));
  }
}

TEST_CASE("The verifier names pass and node of every broken invariant") {
  using Nodes = StableList<Node>&;
  CHECK_THAT(broken([](Graph&, Nodes n) { n[1].types[0].dtype = f64; }),
             Contains("after 'fold': node '%1 = exp %x : f64[model=8]") && Contains("inferred to have f32[model=8]"));
  CHECK_THAT(broken([](Graph&, Nodes n) { n[1].provenance = 0; }), Contains("has no provenance"));
  CHECK_THAT(broken([](Graph&, Nodes n) { n[1].provenance = 99; }), Contains("provenance of another table"));
  CHECK_THAT(broken([](Graph&, Nodes n) { n[1].operands[0].node = 2; }), Contains("uses node 2, which does not precede it"));
  CHECK_THAT(broken([](Graph&, Nodes n) { n[1].operands[0].output = 1; }), Contains("uses output 1 of node 0, which has 1"));
  CHECK_THAT(broken([](Graph&, Nodes n) { n[1].attributes = CastAttrs{}; }), Contains("attributes of another op"));
  CHECK_THAT(broken([](Graph&, Nodes n) { n[1].op = Op::logical_not; }), Contains("is not well typed"));
  CHECK_THAT(broken([](Graph&, Nodes n) { n[0] = n[1], n[0].operands.clear(); }), Contains("not well typed"));
  CHECK_THAT(broken([](Graph& g, Nodes) { g->add_output("z", {1, 3}); }), Contains("output 'z' names a value that is not there"));
  CHECK_THAT(broken([](Graph& g, Nodes) { g->add_update("w", {1, 0}); }), Contains("update of 'w', which is no parameter"));
}

TEST_CASE("The verifier looks into bodies") {
  for (const OpExample& e : every_op()) {
    if (e.op != Op::scan && e.op != Op::cond && e.op != Op::call) continue;
    INFO(e.what);
    std::optional<Graph> body;
    for (const Node& n : e.graph->nodes()) {
      if (n.op == Op::scan) body = n.as<ScanAttrs>().body;
      if (n.op == Op::cond) body = n.as<CondAttrs>().else_body;
      if (n.op == Op::call) body = n.as<CallAttrs>().body;
    }
    REQUIRE(body);
    const_cast<Node&>((*body)->nodes().back()).provenance = 0;
    CHECK_THROWS_AS(verify(e.graph), InternalError);
  }
}

TEST_CASE("An update must have the type of its slot") {
  Graph g;
  Tensor x = g.input("x", f32, {model});
  g.scope().param("w", {Axis{"wide", 3}}, {[](Graph& i, const std::string&, const Type& t) {
    return broadcast(constant(i, 0.0, t.dtype), t.dims);
  }});
  g->add_update("w", x.value());
  CHECK_THROWS_WITH(verify(g), Contains("update of 'w' is f32[model=8] instead of f32[wide=3]"));
}
