#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a language model whose tokens are 64 bits wide",
        "a TextModel wants an i32 input 'tokens' [batch time]; the graph has 'tokens' i64[batch, time]") {
  Graph g;
  embedded(g, "tokens", i64).watch("logits");
  State state;
  TextModel(g, any_target(), state);
}
