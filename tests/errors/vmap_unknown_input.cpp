#include "tests/errors/mistake.h"

MISTAKE("a vmap of an input that is not there",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  exp(x).watch("y");
  vmap(g, "sample", {"z"});
}
