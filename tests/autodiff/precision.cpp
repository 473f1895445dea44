// Narrow precision after differentiation: what is kept for derivatives.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/passes/precision.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/verify.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {

// What is rounded and widened again: the ops of it.
std::vector<std::string> rounded(const Graph& g) {
  std::vector<std::string> out;
  for (const Node& n : g->nodes()) {
    if (n.op != Op::cast || n.types[0].dtype != DType::f32) continue;
    const Node& narrow = g->node(n.operands[0].node);
    if (narrow.op != Op::cast || narrow.types[0].dtype != DType::bf16) continue;
    const Node& of = g->node(narrow.operands[0].node);
    out.push_back(of.op == Op::call ? of.as<CallAttrs>().composite->name : std::string(name(of.op)));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("what derivatives of activations read of products is kept in bf16") {
  const Axis row("row", 4), in("in", 3), hidden("hidden", 5), out("out", 3);
  const auto gradients = [&](const std::function<Tensor(const Tensor&, const Scope&)>& layer) {
    Graph g;
    const Tensor y = layer(g.input("x", f32, {row, in}), g.scope());
    for (const auto& [path, gradient] : grad(sum(y * y, {row, out}))) g->add_output(path, gradient.value());
    return g;
  };
  const auto weight = [&](const Scope& s, const char* name, const Axes& axes) { return s.param(name, axes, ones()); };
  const auto product = [&](const Tensor& x, const Scope& s, const char* name) { return dot(x, weight(s, name, {in, hidden}), {in}); };
  const auto down = [&](const Tensor& h, const Scope& s) { return dot(h, weight(s, "down", {hidden, out}), {hidden}); };
  const auto kept = [&](const std::function<Tensor(const Tensor&, const Scope&)>& layer) {
    const Graph g = gradients(layer), narrow = compute_in(g, DType::bf16);
    verify(narrow);
    CHECK(rounded(g).empty());
    return rounded(narrow);
  };
  using Ops = std::vector<std::string>;
  // The slope; the product is read by the activation and its slope alone.
  CHECK(kept([&](const Tensor& x, const Scope& s) { return down(gelu(product(x, s, "up") + weight(s, "bias", {hidden})), s); }) ==
        Ops{"add"});
  // What is gated, the gate, its slope.
  CHECK(kept([&](const Tensor& x, const Scope& s) { return down(swiglu(product(x, s, "gate"), product(x, s, "up")), s); }) ==
        Ops{"add", "dot", "mul"});
  // A sum of several products, a norm's input and what a loss reduces stay.
  CHECK(kept([&](const Tensor& x, const Scope& s) { return down(silu(product(x, s, "one") + product(x, s, "two")), s); }).empty());
  CHECK(kept([&](const Tensor& x, const Scope& s) {
          return softmax(down(rms_norm(product(x, s, "up"), weight(s, "scale", {hidden}), hidden, 1e-5), s), out);
        }).empty());
  // Nothing is read late of what has no derivative.
  Graph forward;
  const Tensor x = forward.input("x", f32, {row, in});
  forward->add_output("y", swiglu(product(x, forward.scope(), "gate"), product(x, forward.scope(), "up")).value());
  CHECK(rounded(compute_in(forward, DType::bf16)).empty());
  CHECK(&keep_in(forward, DType::f32).data() == &forward.data());
  CHECK_THROWS_WITH(keep_in(forward, DType::i8), Catch::Matchers::Contains("f32, bf16 or f16, not in i8"));
}
