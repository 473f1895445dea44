#include "tests/errors/mistake.h"

MISTAKE("a merge into an axis of another size",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", {"head", 4}, {"depth", 8}});
  merge(x, {"head", "depth"}, {"model", 64});
}
