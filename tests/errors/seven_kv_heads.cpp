#include "tests/errors/mistake.h"

MISTAKE("a LLaMA whose heads do not divide into groups",
        "8 heads do not divide into 3 key-value heads") {
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {"batch", "time"});
  llama(g.scope(), tokens, {.layers = 1, .heads = 8, .kv_heads = 3, .width = 64, .hidden = 64});
}
