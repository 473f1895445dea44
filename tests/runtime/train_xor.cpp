#include <cmath>
#include <vector>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/graph.h>
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

struct Run {
  std::vector<float> losses;
  Array out;
};

Run train_xor(const Target& target, int steps) {
  State state;
  Program step = compile(xor_step(1.0), target, state);
  state.initialise(3, target);
  const Array x = array({{"row", 4}, {"in", 2}}, std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1});
  const Array y = array({{"row", 4}}, std::vector<float>{0, 1, 1, 0});
  Run run;
  for (int i = 0; i < steps; ++i) {
    Arrays out = step.run({{"x", x}, {"y", y}});
    run.losses.push_back(out["loss"].item<float>());
    run.out = out["out"];
  }
  return run;
}

void learns_xor(const Target& target) {
  const Run run = train_xor(target, 1000);
  CHECK(run.losses.back() < 0.05f);
  const int truth[] = {0, 1, 1, 0};
  for (int i = 0; i < 4; ++i) CHECK(std::lround(run.out.at(i)) == truth[i]);
}

}  // namespace

TEST_CASE("XOR is learnt on the interpreter") { learns_xor(Target::interpreter()); }

#ifdef UWAGA_WITH_LLVM
TEST_CASE("XOR is learnt by compiled kernels") { learns_xor(Target::host(2)); }
#endif

#ifdef UWAGA_WITH_CUDA
TEST_CASE("CUDA kernels run on the host train XOR as the interpreter does") {
  const Run emulated = train_xor(Target::emulated(), 20), reference = train_xor(Target::interpreter(), 20);
  for (std::size_t i = 0; i < reference.losses.size(); ++i) CHECK(emulated.losses[i] == Approx(reference.losses[i]).epsilon(1e-5));
}
#endif
