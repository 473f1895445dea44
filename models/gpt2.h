// GPT-2 (Radford et al. 2019): pre-norm blocks, learned positions, tanh-GELU, a head tied to the embedding.
//
//   Gpt2 c{.layers = 4, .heads = 4, .width = 128, .vocab = 65, .positions = 64};
//   Tensor logits = gpt2(g.scope(), tokens, c);               // [batch time] -> [batch time vocab]
#pragma once

#include <optional>

#include <uwaga/models/layers.h>

namespace uwaga {

struct Gpt2 {
  std::int64_t layers = 12, heads = 12, width = 768, hidden = 0;  // hidden 0: four times the width
  std::int64_t vocab = 50257, positions = 1024;
  double epsilon = 1e-5, dropout = 0;  // dropout: of attention probabilities, sublayer outputs and embeddings
  bool watch_hidden = false;  // outputs hidden.0 (the first block's input) ... hidden.LAYERS (after the final norm)

  Axis batch{"batch"}, key{"key"};
  Axis time() const { return Axis("time", up_to(positions)); }
  Axis model() const { return Axis("model", width); }
  Axis head() const { return Axis("head", heads); }
  Axis depth() const { return Axis("depth", width / heads); }
  Axis inner() const { return Axis("hidden", hidden ? hidden : 4 * width); }
  Axis words() const { return Axis("vocab", vocab); }
};

struct Gpt2Inputs {
  std::optional<Tensor> positions = {};  // i32 [batch time]; 0, 1, ... unless given
  std::optional<Tensor> real = {};       // i32 [batch time]: 0 at padding, which no query sees
};
// Throws Error where the width does not divide by the heads.
Tensor gpt2(const Scope& s, const Tensor& tokens, const Gpt2& c, const Gpt2Inputs& inputs = {});

}  // namespace uwaga
