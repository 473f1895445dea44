#include "tests/errors/mistake.h"

MISTAKE("a width that does not divide into heads",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", {"model", 100}});
  split(x, "model", {{"head", 12}, "depth"});
}
