// Boost.Graph's algorithms on our graphs.
#include <algorithm>
#include <sstream>

#include <uwaga/ir/analysis.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::analysis;
using Catch::Contains;

namespace {

// 0 -> 1 -> 3, 0 -> 2 -> 3, 3 -> 4, and 5 -> 6 apart.
const Relation kDiamond{7, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}, {5, 6}}};

}  // namespace

TEST_CASE("a topological order puts every node after its operands") {
  Graph g;
  const Tensor x = g.input("x", f32, {"n"});
  const Tensor y = exp(x) * x + sin(x) * exp(x);
  g->add_output("y", y.value());
  const Relation r = relation_of(g);
  CHECK(r.arcs.size() == 9);  // exp, exp and sin take one, two products and the sum two
  for (const Relation& each : {r, kDiamond, Relation{3, {{2, 1}, {1, 0}, {2, 1}}}}) {
    const std::vector<Vertex> order = topological_order(each);
    REQUIRE(order.size() == each.size);
    std::vector<Vertex> at(each.size, kNoVertex);
    for (Vertex i = 0; i < order.size(); ++i) at[order[i]] = i;
    CHECK(std::count(at.begin(), at.end(), kNoVertex) == 0);
    for (const Arc& a : each.arcs) CHECK(at[a.from] < at[a.to]);
  }
  CHECK_THROWS_AS(topological_order({2, {{0, 1}, {1, 0}}}), InternalError);
  CHECK(topological_order({0, {}}).empty());
}

TEST_CASE("components take arcs both ways, strong ones only as they are") {
  CHECK(components(kDiamond) == std::vector<Vertex>{0, 0, 0, 0, 0, 1, 1});
  CHECK(components({3, {}}) == std::vector<Vertex>{0, 1, 2});
  CHECK(strong_components(kDiamond) == std::vector<Vertex>{0, 1, 2, 3, 4, 5, 6});
  CHECK(strong_components({5, {{0, 1}, {1, 2}, {2, 0}, {2, 3}, {4, 3}}}) == std::vector<Vertex>{0, 0, 0, 1, 2});
}

TEST_CASE("a dominator is the last node that every path passes") {
  const Vertex none = kNoVertex;
  CHECK(dominators(kDiamond, 0) == std::vector<Vertex>{none, 0, 0, 0, 3, none, none});
  CHECK(dominators(kDiamond, 1) == std::vector<Vertex>{none, none, none, 1, 3, none, none});
}

TEST_CASE("a graph is drawn with its ops, types, lines and borders") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"n", 3}});
  const Tensor dead = cos(x);
  g->add_output("y \"quoted\"", (exp(x) - x).value());
  const std::string dot = to_dot(g);
  CHECK_THAT(dot, Contains("digraph G {"));
  CHECK_THAT(dot, Contains("0[label=\"%x input\\nf32[n=3]\\nanalysis.cpp:"));
  CHECK_THAT(dot, Contains("shape=box]"));
  CHECK_THAT(dot, Contains("exp\\nf32[n=3]"));
  CHECK_THAT(dot, Contains("[label=\"0\"]") && Contains("[label=\"1\"]"));
  CHECK_THAT(dot, Contains("output y \\\"quoted\\\""));
  CHECK_THAT(dot, !Contains("cos"));
  CHECK(dead.dtype() == f32);
}
