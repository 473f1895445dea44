// LLaMA (Touvron et al. 2023): RMSNorm, rotary positions, grouped-query attention, SwiGLU, no biases.
//
//   Llama c{.layers = 5, .heads = 8, .kv_heads = 4, .width = 64, .hidden = 172, .vocab = 512};
//   Tensor logits = llama(g.scope(), tokens, c);               // [batch time] -> [batch time vocab]
#pragma once

#include <optional>
#include <vector>

#include <uwaga/models/layers.h>

namespace uwaga {

struct Llama {
  std::int64_t layers = 32, heads = 32, kv_heads = 32, width = 4096, hidden = 11008;
  std::int64_t head_depth = 0;  // 0: width / heads
  std::int64_t vocab = 32000, positions = 2048;
  double epsilon = 1e-5, theta = 10000;
  std::vector<double> inverse_frequencies = {};  // of scaled rotary positions; empty: theta^(-2i/depth)
  double attention_factor = 1;              // multiplies sine and cosine
  std::int64_t window = 0;                  // keys a query sees; 0: all before it
  bool tied = false;                        // the head is the embedding
  bool watch_hidden = false;

  Axis batch{"batch"}, key{"key"};
  Axis time() const { return Axis("time", up_to(positions)); }
  Axis model() const { return Axis("model", width); }
  Axis group() const { return Axis("group", kv_heads); }            // one a key-value head
  Axis head() const { return Axis("head", heads / kv_heads); }      // query heads of a group
  Axis depth() const { return Axis("depth", head_depth ? head_depth : width / heads); }
  Axis inner() const { return Axis("hidden", hidden); }
  Axis words() const { return Axis("vocab", vocab); }
};

struct LlamaInputs {
  std::optional<Tensor> positions = {};  // i32 [batch time]
  std::optional<Tensor> real = {};       // i32 [batch time]: 0 at padding
};
// Throws Error where the heads do not divide into the key-value heads.
Tensor llama(const Scope& s, const Tensor& tokens, const Llama& c, const LlamaInputs& inputs = {});

}  // namespace uwaga
