#include <uwaga/ir/rewrite.h>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/structural_hash.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {
const Axis model{"model", 8};
}

TEST_CASE("A rewrite that touches nothing gives an equal graph") {
  Graph g;
  Tensor x = g.input("x", f32, {model});
  const TopK best = top_k(x, model, 2, Axis{"best"});
  best.indices.watch("i");
  best.values.watch("v");
  const Graph copy = rewrite(g, [](Rewriter&, NodeId) { return false; });
  CHECK(same_structure(g, copy));
  CHECK(copy->outputs()[0].name == "i");
  for (NodeId id = 0; id < g->nodes().size(); ++id) CHECK(copy->node(id).provenance == g->node(id).provenance);
}

TEST_CASE("What a hook adds carries the provenance of the node it replaces") {
  Graph g;
  Tensor x = g.input("x", f32, {model});
  sqrt(x).watch("y");
  const Graph r = rewrite(g, [](Rewriter& w, NodeId id) {
    if (w.from().node(id).op != Op::sqrt) return false;
    w.map({id, 0}, w.add(Op::exp, NoAttrs{}, {w.now(w.from().node(id).operands[0])}));
    return true;
  });
  CHECK(r->node(1).op == Op::exp);
  CHECK(r->node(1).provenance == g->node(1).provenance);
}

TEST_CASE("A rewrite keeps the order of inputs where it is not that of the nodes") {
  Graph g;
  Tensor a = g.input("a", f32, {model});
  Tensor b = g.input("b", f32, {model});
  (a - b).watch("y");
  g->set_input_order({b.value().node, a.value().node});
  const Graph copy = rewrite(g, [](Rewriter&, NodeId) { return false; });
  CHECK(copy->node(copy->inputs()[0]).as<InputAttrs>().name == "b");
  CHECK(structural_hash(g, InputsBy::position) == structural_hash(copy, InputsBy::position));
}

TEST_CASE("A body written into a graph keeps its lines and takes the caller's") {
  Graph g;
  Tensor x = g.input("x", f32, {model});
  const auto half = std::make_shared<Composite>(Composite{.name = "half", .version = 1, .backward = nullptr});
  Tensor y = composite1(half, {}, {x}, [](const std::vector<Tensor>& in) { return exp(in[0]); });
  const Node call = g->node(y.value().node);
  const std::vector<Value> out = inline_body(g.data(), call.as<CallAttrs>().body, call.operands, call.provenance);
  REQUIRE(out.size() == 1);
  CHECK(g->node(out[0].node).op == Op::exp);
  CHECK(g->node(out[0].node).operands[0] == x.value());
}
