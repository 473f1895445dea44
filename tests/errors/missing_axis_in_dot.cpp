#include "tests/errors/mistake.h"

MISTAKE("a contraction of an axis one side lacks",
        "missing_axis_in_dot.cpp:8: dot over {model}: right has only {hidden, out}") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "model"});
  const Tensor w = g.input("w", f32, {"hidden", "out"});
  dot(x, w, {"model"});
}
