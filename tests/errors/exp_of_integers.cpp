#include "tests/errors/mistake.h"

MISTAKE("a floating op of integers",
        "?") {
  Graph g;
  const Tensor x = g.input("x", i32, {"row"});
  exp(x);
}
