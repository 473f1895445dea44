// 01: a perceptron by hand, and the problem it cannot solve.
//
// The smallest complete programs: declare a graph, compile it for this machine, run it until it has learnt. First
// Rosenblatt's perceptron (1958), its update written out; then XOR, which no line can divide, by a network of two
// layers that the engine differentiates and trains.
#include <uwaga/uwaga.h>

#include <cmath>
#include <cstdio>

using namespace uwaga;

namespace {

// The four points of the truth table. Axes have names, and the names are the type: `row` counts the points, `in` their
// coordinates. Outside the engine a tensor is an Array, row-major in the order its axes are listed.
const Axis row{"row"}, in{"in", 2};  // `row` has no size: it is a symbol, bound to 4 when the program runs

Array points() { return array({{"row", 4}, {"in", 2}}, std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1}); }
Array answers(const std::vector<float>& y) { return array({{"row", 4}}, y); }

// A perceptron fires where w.x + b > 0. Where it is wrong, the weights move by the point, towards or away from firing.
// Graphs are pure: nothing is assigned here. `update` says what the slot holds after a run.
Graph perceptron() {
  Graph g;
  const Tensor x = g.input("x", f32, {row, in});
  const Tensor y = g.input("y", f32, {row});
  const Scope s = g.scope();
  const Tensor w = s.param("w", {in}, zeros());
  const Tensor b = s.param("b", {}, zeros());

  const Tensor fires = cast(dot(x, w, {in}) + b > 0.0, f32);  // b has no axis and is broadcast
  const Tensor wrong = y - fires;                             // 1, 0 or -1 for each row
  update(w, w + dot(wrong, x, {row}));                        // contracting `row` sums over the points
  update(b, b + sum(wrong, {row}));
  sum(abs(wrong), {row}).watch("mistakes");  // watched values are what a run returns
  return g;
}

// How many passes over the points it takes until there is no mistake; -1 if there is one after `limit`.
int passes_until_learnt(const std::vector<float>& y, int limit) {
  State state;  // the slots' values live here, not in the graph
  Program step = compile(perceptron(), Target::host(1), state);
  state.initialise(/*seed=*/1);
  for (int pass = 0; pass < limit; ++pass)
    if (step.run({{"x", points()}, {"y", answers(y)}})["mistakes"].item<float>() == 0) return pass;
  return -1;
}

// Two layers: eight hidden units with tanh, one output. `linear` declares weight and bias under the scope it is given:
// hidden.weight, hidden.bias, out.weight, out.bias. The loss is the mean of -log p(right answer).
Graph xor_network() {
  Graph g;
  const Axis hidden{"hidden", 8};
  const Tensor x = g.input("x", f32, {row, in});
  const Tensor y = g.input("y", f32, {row});
  const Scope s = g.scope();
  const Tensor h = tanh(linear(s / "hidden", x, in, hidden, {.weight = normal(1.0)}));
  const Tensor p = sigmoid(linear(s / "out", h, hidden, Axes{}, {.weight = normal(1.0)})).watch("p");
  const Tensor loss = -mean(y * log(p) + (1.0 - y) * log(1.0 - p), {row});
  // Gradients, moments, the step count: train_step writes them into the graph as further ops and slots.
  return train_step(loss, AdamW{.rate = 0.05, .decay = 0});
}

}  // namespace

int main() {
  const std::vector<float> logical_or = {0, 1, 1, 1}, exclusive_or = {0, 1, 1, 0};

  const int passes = passes_until_learnt(logical_or, 100);
  std::printf("the perceptron learns OR in %d passes\n", passes);
  const bool divided = passes_until_learnt(exclusive_or, 100) >= 0;
  std::printf("and XOR %s\n",
              divided ? "too, which cannot be" : "not in 100: no line divides it (Minsky and Papert 1969)");

  State state;
  Program step = compile(xor_network(), Target::host(1), state);
  state.initialise(/*seed=*/1);
  Arrays out;
  for (int i = 0; i <= 300; ++i) {
    out = step.run({{"x", points()}, {"y", answers(exclusive_or)}});
    if (i % 100 == 0) std::printf("two layers, step %3d: loss %.4f\n", i, out["loss"].item<double>());
  }
  bool learnt = true;
  for (int i = 0; i < 4; ++i) {
    std::printf("%g xor %g: %.3f\n", points().at({{"row", i}, {"in", 0}}), points().at({{"row", i}, {"in", 1}}),
                out["p"].at(i));
    learnt = learnt && std::lround(out["p"].at(i)) == std::lround(exclusive_or[static_cast<std::size_t>(i)]);
  }
  return passes > 0 && !divided && learnt ? 0 : 1;
}
