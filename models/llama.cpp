#include <uwaga/models/llama.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

constexpr double kDeviation = 0.02;

Tensor attend(Scope s, Tensor x, const Llama& c, const LlamaInputs& in) {
  const Axis time = c.time();
  const LinearOptions plain{.bias = false, .weight = normal(kDeviation)};
  RopeOptions turn{.theta = c.theta, .attention_factor = c.attention_factor};
  if (!c.inverse_frequencies.empty()) turn.inverse_frequencies = c.inverse_frequencies;
  if (in.positions) turn.positions = *in.positions;
  const Tensor q = rope(linear(s / "q", x, c.model(), {c.group(), c.head(), c.depth()}, plain), time, c.depth(), turn);
  const Tensor k = rope(linear(s / "k", x, c.model(), {c.group(), c.depth()}, plain), time, c.depth(), turn);
  const Tensor v = linear(s / "v", x, c.model(), {c.group(), c.depth()}, plain);
  MaskFunction mask = c.window ? sliding_window(c.window) : causal();
  if (in.real) mask = padded(rename(*in.real, time, c.key), mask);
  const Tensor o = attention(q, rename(k, time, c.key), rename(v, time, c.key),
                             {.query = time, .key = c.key, .depth = c.depth(), .mask = mask});
  return linear(s / "out", o, Axes{c.group(), c.head(), c.depth()}, {c.model()}, plain);
}

}  // namespace

Tensor llama(const Scope& s, const Tensor& tokens, const Llama& c, const LlamaInputs& in) {
  if (c.kv_heads < 1 || c.heads % c.kv_heads != 0)
    throw Error(fmt::format("{} heads do not divide into {} key-value heads", c.heads, c.kv_heads));
  const auto watched = [&](Tensor t, std::int64_t layer) { return c.watch_hidden ? t.watch(fmt::format("hidden.{}", layer)) : t; };
  const Tensor words = s.param("embed", {c.words(), c.model()}, normal(kDeviation));
  Tensor x = watched(embedding(words, tokens, c.words()), 0);
  std::int64_t i = 0;
  for (const Scope& layer : s.layers("h", static_cast<int>(c.layers))) {
    x = x + attend(layer / "attn", rms_norm(layer / "norm_1", x, c.model(), c.epsilon), c, in);
    x = x + swiglu_mlp(layer / "mlp", rms_norm(layer / "norm_2", x, c.model(), c.epsilon), c.model(), c.inner());
    if (++i < c.layers) x = watched(x, i);
  }
  x = watched(rms_norm(s / "norm", x, c.model(), c.epsilon), i);
  const Tensor head = c.tied ? words : s.param("head", {c.words(), c.model()}, normal(kDeviation));
  return dot(x, head, {c.model()});
}

}  // namespace uwaga
