#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/passes/precision.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>
#include <uwaga/ir/verify.h>

#include "tests/catch.h"

using namespace uwaga;
using Catch::Matchers::Contains;

namespace {

int dots_of_operands(const Graph& g, DType dtype) {
  int count = 0;
  for (const Node& n : g->nodes())
    if (n.op == Op::dot && g->type(n.operands[0]).dtype == dtype && g->type(n.operands[1]).dtype == dtype) ++count;
  return count;
}

}  // namespace

TEST_CASE("a product computed in bf16 casts its operands and nothing else, and gives f32") {
  const Axis row("row"), in("in", 3), out("out", 2);
  Graph g;
  const Tensor x = g.input("x", f32, {row, in}), w = g.scope().param("w", {in, out}, zeros());
  const Tensor exact = g.input("exact", f64, {row, in});
  g->add_output("y", exp(dot(exp(x), w, {in})).value());
  g->add_output("z", dot(exact, cast(w, f64), {in}).value());
  const Graph narrow = compute_in(g, DType::bf16);
  verify(narrow);
  CHECK(dots_of_operands(narrow, DType::bf16) == 1);
  CHECK(dots_of_operands(narrow, DType::f64) == 1);  // who asks for f64 keeps it
  for (const Output& o : narrow->outputs()) CHECK(narrow->type(o.value) == g->type(g->outputs()[o.name == "y" ? 0 : 1].value));
  for (const Node& n : narrow->nodes())
    if (n.op == Op::exp) CHECK(n.types[0].dtype == DType::f32);
  CHECK(&compute_in(g, DType::f32).data() == &g.data());
  CHECK_THROWS_WITH(compute_in(g, DType::i8), Contains("f32, bf16 or f16, not in i8"));
}

TEST_CASE("a composite without a product stays whole beside products in bf16, and one with a product is written out") {
  const Axis row("row", 4), in("in", 3), word("word", 5);
  Graph g;
  const Tensor x = g.input("x", f32, {row, in}), w = g.scope().param("w", {in, word}, zeros());
  const auto product = [&](const std::vector<Tensor>& of) { return dot(of[0], of[1], {in}); };
  const auto in_a_loop = [&](const std::vector<Tensor>& of) {
    const ScanBody there_and_back = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>&, Tensor) {
      return ScanStep{{dot(dot(carry[0], of[1], {in}), of[1], {word})}, {}};
    };
    return scan(Axis("step"), {of[0]}, {}, there_and_back, {.length = Extent(2)}).carries[0];
  };
  const Tensor y = composite1(composite_named("loop"), {}, {x, w}, in_a_loop);
  g->add_output("y", softmax(composite1(composite_named("product"), {}, {y, w}, product), word).value());
  const Graph narrow = compute_in(g, DType::bf16);
  verify(narrow);
  std::vector<std::string> calls;
  for (const Node& n : narrow->nodes())
    if (n.op == Op::call) calls.push_back(n.as<CallAttrs>().composite->name);
  CHECK(calls == std::vector<std::string>{"softmax"});
  CHECK(dots_of_operands(narrow, DType::bf16) == 1);
}

TEST_CASE("an attention stays whole, and its products are of the narrow dtype") {
  const Axis time("time", 4), key("key", 5), depth("depth", 3);
  Graph g;
  const Tensor q = g.input("q", f32, {time, depth}), k = g.input("k", f32, {key, depth}), v = g.input("v", f32, {key, depth});
  g->add_output("o", attention(q, k, v, {.query = time, .key = key, .depth = depth}).value());
  for (const DType narrow : {DType::bf16, DType::f16}) {
    const Graph n = compute_in(g, narrow);
    verify(n);
    int calls = 0;
    for (const Node& node : n->nodes()) {
      if (node.op != Op::call) continue;
      ++calls;
      const Graph body = expand(node.as<CallAttrs>().body);
      CHECK(dots_of_operands(body, narrow) == 2);
      CHECK(dots_of_operands(body, DType::f32) == 0);
    }
    CHECK(calls == 1);
  }
}

TEST_CASE("parameters kept in bf16 are widened where they are used") {
  Graph g;
  const Axis in("in", 3);
  const Tensor w = g.scope().param("w", {in}, ones()), counter = g.scope().state("count", {}, zeros());
  const Tensor x = g.input("x", f32, {in});
  g->add_output("y", (x * w).value());
  g->add_output("z", counter.value());
  const Graph narrow = parameters_in(g, DType::bf16);
  verify(narrow);
  const auto type_of = [&](const char* path) { return narrow->node(narrow->parameters().at(path)).types[0].str(); };
  CHECK(type_of("w") == "bf16[in=3]");
  CHECK(type_of("count") == "f32[]");
  CHECK(narrow->type(narrow->outputs()[0].value).str() == "f32[in=3]");
  const auto& initial = narrow->node(narrow->parameters().at("w")).as<ParameterAttrs>().initial;
  CHECK(initial->type(initial->outputs()[0].value).str() == "bf16[in=3]");
  CHECK(&parameters_in(g, DType::f32).data() == &g.data());
  CHECK_THROWS_WITH(parameters_in(g, DType::i8), Contains("f32, bf16 or f16, not in i8"));
  update(w, w + x);
  CHECK_THROWS_WITH(parameters_in(g, DType::bf16), Contains("'w' is updated in f32 and cannot be kept in bf16"));
}
