#include <uwaga/ir/map_bodies.h>

#include <uwaga/ir/canonical.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/shared_calls.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {

// Two calls of one composite, on one set of attributes; their body multiplies by 1, which simplify takes out.
Graph two_calls() {
  Graph g;
  SharedCalls shared;
  const CompositeRef idle = composite_named("idle");
  for (const char* name : {"a", "b"})
    shared.composite(idle, {}, {g.input(name, f32, {Axis("n", 4)})}, [](const auto& in) { return std::vector{exp(in[0] * 1.0)}; })[0].watch(std::string("of_") + name);
  return g;
}

std::vector<SharedAttributes> calls(const Graph& g) {
  std::vector<SharedAttributes> out;
  for (const Node& n : g->nodes())
    if (n.op == Op::call) out.push_back(n.attributes);
  return out;
}

}  // namespace

TEST_CASE("calls that share their attributes share those that passes give them") {
  const Graph g = two_calls();
  REQUIRE(calls(g).size() == 2);
  REQUIRE(calls(g)[0].shares(calls(g)[1]));
  const auto kept = [](const CallAttrs&) { return true; };
  for (const Graph& after : {simplify(g), canonicalise(simplify(g)), expand(g, kept, [](const Graph& body) { return simplify(body); })}) {
    REQUIRE(calls(after).size() == 2);
    CHECK_FALSE(calls(after)[0].shares(calls(g)[0]));
    CHECK(calls(after)[0].shares(calls(after)[1]));
  }
}

TEST_CASE("attributes whose graphs all stay are those there were") {
  const Graph g = two_calls();
  MapBodies map_bodies;
  int asked = 0;
  for (const SharedAttributes& a : calls(g)) CHECK(map_bodies(a, [&](const Graph& body) { return ++asked, body; }).shares(a));
  CHECK(asked == 1);
}
