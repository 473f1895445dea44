#include "tests/errors/mistake.h"

MISTAKE("a vmap of an input that is not there",
        "vmap_unknown_input.cpp:8: vmap over 'sample': there is no input 'z'") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  exp(x).watch("y");
  vmap(g, "sample", {"z"});
}
