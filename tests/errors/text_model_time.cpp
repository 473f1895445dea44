#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a language model that is to see more than its axis has",
        "a TextModel cannot see .time = 64 positions: the graph's 'tokens' have time=16 at most") {
  Graph g;
  embedded(g, "tokens", i32, "batch", {"time", up_to(16)}).watch("logits");
  State state;
  TextModel(g, any_target(), state, {.time = 64});
}
