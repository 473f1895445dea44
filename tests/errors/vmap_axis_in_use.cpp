#include "tests/errors/mistake.h"

MISTAKE("a vmap over an axis the graph has",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  exp(x).watch("y");
  vmap(g, "row", {"x"});
}
