#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a language model of four texts at once",
        "a TextModel goes on with one text at a time; the graph has 'tokens' i32[batch=4, time]") {
  Graph g;
  embedded(g, "tokens", i32, {"batch", 4}).watch("logits");
  State state;
  TextModel(g, any_target(), state);
}
