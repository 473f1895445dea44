#include <uwaga/ir/canonical.h>

#include <fmt/format.h>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/parse.h>
#include <uwaga/ir/print.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {
const Axis batch{"batch"}, model{"model", 8};

// Ops and operands as text: what the order of nodes is, without ids of the original.
std::string listing(const Graph& g) {
  std::string out;
  for (const Node& n : g->nodes()) {
    out += fmt::format("{} {}", name(n.op), structural_hash(n.attributes).str());
    for (Value v : n.operands) out += fmt::format(" {}.{}", v.node, v.output);
    out += '\n';
  }
  return out;
}

// (exp(x) * w) + (sin(x) * w), written in one of several orders.
Graph written(int order) {
  Graph g;
  Tensor x = g.input("x", f32, {batch, model});
  std::optional<Tensor> e, s, c;
  const auto make = [&](int i) {
    if (i == 0) e = exp(x);
    if (i == 1) s = sin(x);
    if (i == 2) c = constant(g, 3.0, f32);
  };
  for (int i = 0; i < 3; ++i) make((i * (order % 2 ? 1 : 2) + order) % 3);
  if (order >= 3) cos(*s);  // dead
  Tensor left = *e * *c, right = *s * *c;
  (left + right).watch("y");
  return g;
}
}  // namespace

TEST_CASE("Canonical order does not depend on the order of creation") {
  const std::string first = listing(canonicalise(written(0)));
  for (int order = 1; order < 6; ++order) CHECK(listing(canonicalise(written(order))) == first);
}

TEST_CASE("A canonical graph comes back as it is") {
  const Graph c = canonicalise(written(4));
  CHECK(&canonicalise(c).data() == &c.data());
}

TEST_CASE("Equal nodes become one with united provenance") {
  Graph g;
  Tensor x = g.input("x", f32, {model});
  Tensor a = exp(x);
  Tensor b = exp(x);
  (a + b).watch("y");
  const Graph c = canonicalise(g);
  REQUIRE(c->size() == 4);
  const Node& e = c->node(1);
  CHECK(e.op == Op::exp);
  CHECK(c->provenance().origins(e.provenance).size() == 2);
}

TEST_CASE("Inputs stay though nothing needs them, and in their order") {
  Graph g;
  g.input("b", f32, {model});
  Tensor a = g.input("a", f32, {model});
  exp(a).watch("y");
  const Graph c = canonicalise(g);
  REQUIRE(c->inputs().size() == 2);
  CHECK(c->node(c->inputs()[0]).as<InputAttrs>().name == "b");
}

TEST_CASE("What depends on no input comes right before its first use") {
  Graph g;
  Tensor c = cast(constant(g, 3.0, f32), f64);
  Tensor x = g.input("x", f64, {model});
  (exp(x) * c).watch("y");
  const Graph k = canonicalise(g);
  std::vector<Op> ops;
  for (const Node& n : k->nodes()) ops.push_back(n.op);
  CHECK(ops == std::vector<Op>{Op::input, Op::exp, Op::constant, Op::cast, Op::broadcast, Op::mul, Op::tag});
}

TEST_CASE("A slot that is only written stays") {
  Graph g;
  Scope s = g.scope();
  Tensor x = g.input("x", f32, {model});
  const Initial zero{[](Graph& graph, const std::string&, const Type& type) {
    return broadcast(constant(graph, 0.0, type.dtype), type.dims);
  }};
  s.state("mean", {model}, zero);
  g->add_update("mean", exp(x).value());
  const Graph c = canonicalise(g);
  CHECK(c->parameters().count("mean") == 1);
}

TEST_CASE("a canonical graph stays as it is, constants that only outputs take among it") {
  Graph g;
  const Tensor x = g.input("x", f32, {});
  g->add_output("y", (x + 1.0).value());
  g->add_output("a", constant(g, 0.0, f32).value());  // the twin of what is broadcast
  for (int k = 2; k < 6; ++k) {
    g->add_output("b" + std::to_string(k), broadcast(constant(g, 0.0, f32), {{"n", k}}).value());
    g->add_output("c" + std::to_string(k), constant(g, k * 1.0, f32).value());
  }
  CHECK(print(parse(print(g))) == print(g));
}
