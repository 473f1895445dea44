#include <cmath>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/runtime/program.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {

// XOR by one hidden layer, trained by plain gradient descent written out by hand.
Graph xor_step(double rate) {
  Graph g;
  const Axis row{"row"}, in{"in", 2}, hidden{"hidden", 8};
  const Tensor x = g.input("x", f32, {row, in}), y = g.input("y", f32, {row});
  const Scope s = g.scope();
  const Tensor w1 = s.param("w1", {in, hidden}, normal(1.0)), b1 = s.param("b1", {hidden}, zeros());
  const Tensor w2 = s.param("w2", {hidden}, normal(1.0)), b2 = s.param("b2", {}, zeros());
  const Tensor h = tanh(dot(x, w1, {in}) + b1);
  const Tensor out = sigmoid(dot(h, w2, {hidden}) + b2);
  const Tensor loss = mean((out - y) * (out - y), {row});
  for (const auto& [path, gradient] : grad(loss)) {
    const Tensor parameter(g.shared(), {g->parameters().at(path), 0});
    g->add_update(path, (parameter - gradient * rate).value());
  }
  g->add_output("loss", loss.value());
  g->add_output("out", out.value());
  return g;
}

void learns_xor(const Target& target) {
  State state;
  Program step = compile(xor_step(1.0), target, state);
  state.initialise(3, target);
  const Array x = array({{"row", 4}, {"in", 2}}, std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1});
  const Array y = array({{"row", 4}}, std::vector<float>{0, 1, 1, 0});
  Arrays out;
  for (int i = 0; i < 1000; ++i) out = step.run({{"x", x}, {"y", y}});
  CHECK(out["loss"].item<float>() < 0.05f);
  for (int i = 0; i < 4; ++i) CHECK(std::lround(out["out"].at(i)) == std::lround(y.at(i)));
}

}  // namespace

TEST_CASE("XOR is learnt on the interpreter") { learns_xor(Target::interpreter()); }

#ifdef UWAGA_WITH_LLVM
TEST_CASE("XOR is learnt by compiled kernels") { learns_xor(Target::host(2)); }
#endif
