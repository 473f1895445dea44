#include "tests/errors/mistake.h"

MISTAKE("a sum of f32 and bf16",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  const Tensor y = g.input("y", bf16, {"row"});
  x + y;
}
