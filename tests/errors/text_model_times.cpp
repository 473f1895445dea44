#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("text models of one State that see another number of positions",
        "a TextModel with .time = 12 keeps 'cache.0' as f32[batch=1, key=12, vocab=9], and another one of this state keeps it as "
        "f32[batch=1, key=8, vocab=9]: give both the same .time, or a State each") {
  Graph g;
  const Tensor x = embedded(g, "tokens", i32, "batch", {"time", up_to(16)});
  const Tensor mixed = attention(x, rename(x, "time", "key"), rename(x, "time", "key"),
                                 {.query = "time", .key = "key", .depth = "vocab", .mask = causal()});
  mixed.watch("logits");
  State state;
  TextModel eight(g, any_target(), state, {.time = 8});
  TextModel(g, any_target(), state, {.time = 12});
}
