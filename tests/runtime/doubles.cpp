// Gradients of a small GPT in f64 against central differences: precise only where nothing on the way is f32.
#include <uwaga/uwaga.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const Axis kBatch{"batch", 2}, kTime{"time", 5}, kKey{"key", 5}, kModel{"model", 8}, kHead{"head", 2}, kDepth{"depth", 4}, kWord{"word", 7};

Tensor loss(Graph& g) {
  const Tensor tokens = g.input("tokens", i32, {kBatch, kTime}), targets = g.input("targets", i32, {kBatch, kTime});
  const Scope s = g.scope();
  Tensor x = embedding(s.param("words", {kWord, kModel}, normal(1), f64), tokens, kWord);
  const LinearOptions o{.weight = normal(0.5)};
  for (const Scope& layer : s.layers("h", 2)) {
    const Tensor n = rms_norm(layer / "n", x, kModel);
    const auto heads = [&](const char* name) { return linear(layer / name, n, kModel, {kHead, kDepth}, o); };
    const Tensor q = rope(heads("q"), kTime, kDepth), k = rename(rope(heads("k"), kTime, kDepth), kTime, kKey);
    const Tensor a = attention(q, k, rename(heads("v"), kTime, kKey), {.query = kTime, .key = kKey, .depth = kDepth, .mask = causal()});
    x = x + linear(layer / "out", a, {kHead, kDepth}, kModel, o);
    x = x + mlp(layer / "mlp", layer_norm(layer / "m", x, kModel), kModel, {"hidden", 12}, gelu, {.in = normal(0.5), .out = normal(0.5)});
  }
  return cross_entropy(linear(s / "head", x, kModel, kWord, o), targets, kWord);
}

Array tokens(int first) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 10; ++i) ids.push_back((first + 3 * i + i * i) % 7);
  return array({{"batch", 2}, {"time", 5}}, ids);
}

void check(const Target& target) {
  Graph g;
  const Tensor l = loss(g).watch("loss");
  CHECK(l.dtype() == f64);
  const Gradients gradients = grad(l);
  for (const auto& [path, d] : gradients) d.watch("d " + path);
  State state;
  Program p = compile(g, target, state);
  state.initialise(5);
  const Arrays inputs{{"tokens", tokens(1)}, {"targets", tokens(4)}};
  const Outputs at = p.run(inputs);
  // Differences over +-1e-5: they leave off h^2 / 6 times the third derivative, and 2^-53 / h of the loss.
  constexpr double h = 1e-5;
  for (const auto& [path, of] : gradients) {
    INFO(path);
    const Array w = state.get(path), d = at["d " + path].reordered(w.axes());
    for (std::int64_t i : {std::int64_t{0}, w.elements() / 2, w.elements() - 1}) {
      const auto moved = [&](double by) {
        Array other = w.cast(f64);
        other.set(i, w.at(i) + by);
        state.set(path, other);
        return p.run(inputs)["loss"].item<double>();
      };
      const double difference = (moved(h) - moved(-h)) / (2 * h);
      CHECK(std::abs(difference - d.at(i)) <= 1e-8);
    }
    state.set(path, w);
  }
}

}  // namespace

TEST_CASE("gradients of a GPT of f64 are those of its differences, computed by the interpreter") { check(Target::interpreter()); }

#ifdef UWAGA_WITH_LLVM
TEST_CASE("gradients of a GPT of f64 are those of its differences, compiled") { check(Target::host(1)); }
#endif
