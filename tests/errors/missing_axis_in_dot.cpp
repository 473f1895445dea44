#include "tests/errors/mistake.h"

MISTAKE("a contraction of an axis one side lacks",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "model"});
  const Tensor w = g.input("w", f32, {"hidden", "out"});
  dot(x, w, {"model"});
}
