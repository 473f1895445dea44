#include "tests/errors/mistake.h"

MISTAKE("an order that leaves out an axis",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "time", "model"});
  order(x, {"time", "batch"});
}
