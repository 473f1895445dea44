#include "tests/errors/mistake.h"

MISTAKE("a GPT-2 whose width does not divide by its heads",
        "a width of 128 does not divide into 3 heads") {
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {"batch", "time"});
  gpt2(g.scope(), tokens, {.layers = 1, .heads = 3, .width = 128});
}
