#include <uwaga/models/gpt2.h>

#include <fmt/format.h>

#include <cmath>

#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

Tensor attend(Scope s, Tensor x, const Gpt2& c, const Gpt2Inputs& in) {
  const Axis time = c.time();
  const LinearOptions out{.bias = true, .weight = normal(0.02 / std::sqrt(2.0 * static_cast<double>(c.layers)))};
  const Tensor q = linear(s / "q", x, c.model(), {c.head(), c.depth()});
  const Tensor k = rename(linear(s / "k", x, c.model(), {c.head(), c.depth()}), time, c.key);
  const Tensor v = rename(linear(s / "v", x, c.model(), {c.head(), c.depth()}), time, c.key);
  MaskFunction mask = causal();
  if (in.real) mask = padded(rename(*in.real, time, c.key), mask);
  const Tensor o = attention(q, k, v, {.query = time, .key = c.key, .depth = c.depth(), .mask = mask, .dropout = AttentionDropout{s, c.dropout}});
  return dropout(s, linear(s / "out", o, Axes{c.head(), c.depth()}, {c.model()}, out), c.dropout);
}

Tensor feed_forward(Scope s, Tensor x, const Gpt2& c) {
  const MlpOptions options{.bias = true, .in = normal(0.02), .out = normal(0.02 / std::sqrt(2.0 * static_cast<double>(c.layers)))};
  return dropout(s, mlp(s, x, c.model(), c.inner(), gelu_tanh, options), c.dropout);
}

}  // namespace

Tensor gpt2(const Scope& s, const Tensor& tokens, const Gpt2& c, const Gpt2Inputs& in) {
  if (c.heads < 1 || c.width % c.heads != 0)
    throw Error(fmt::format("a width of {} does not divide into {} heads", c.width, c.heads));
  const Axis place("position", c.positions);
  const Tensor words = s.param("wte", {c.words(), c.model()}, normal(0.02));
  const Tensor places = s.param("wpe", {place, c.model()}, normal(0.02));
  const Tensor positions = in.positions ? *in.positions : iota(tokens, c.time());
  Tensor x = embedding(words, tokens, c.words()) + embedding(places, positions, place);
  x = dropout(s, x, c.dropout);
  const auto watched = [&](Tensor t, std::int64_t layer) { return c.watch_hidden ? t.watch(fmt::format("hidden.{}", layer)) : t; };
  x = watched(x, 0);
  std::int64_t i = 0;
  for (const Scope& layer : s.layers("h", static_cast<int>(c.layers))) {
    x = x + attend(layer / "attn", layer_norm(layer / "ln_1", x, c.model(), c.epsilon), c, in);
    x = x + feed_forward(layer / "mlp", layer_norm(layer / "ln_2", x, c.model(), c.epsilon), c);
    if (++i < c.layers) x = watched(x, i);
  }
  x = watched(layer_norm(s / "ln_f", x, c.model(), c.epsilon), i);
  return dot(x, words, {c.model()});
}

}  // namespace uwaga
