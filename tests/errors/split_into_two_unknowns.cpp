#include "tests/errors/mistake.h"

MISTAKE("a split that leaves two sizes open",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"model", 100}});
  split(x, "model", {"head", "depth"});
}
