#include "tests/errors/mistake.h"

MISTAKE("a vmap over an axis the graph has",
        "vmap_axis_in_use.cpp:6: vmap over 'row': this input has that axis already") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  exp(x).watch("y");
  vmap(g, "row", {"x"});
}
