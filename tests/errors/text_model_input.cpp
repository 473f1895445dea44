#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a language model that wants more than its text",
        "a TextModel wants an i32 input 'tokens' [batch time]; the graph has 'tokens' i32[batch, time], 'mask' f32[time]") {
  Graph g;
  embedded(g, "tokens", i32).watch("logits");
  g.input("mask", f32, {"time"});
  State state;
  TextModel(g, any_target(), state);
}
