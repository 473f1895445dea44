#include "tests/errors/mistake.h"

MISTAKE("a norm whose weight has another axis",
        "weight_of_another_axis.cpp:9: rms_norm: mul: axes {width} and {batch, model}: neither contains the other; rename an axis, "
        "or write the outer product with outer or broadcast") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", {"model", 8}});
  const Tensor w = g.input("w", f32, {{"width", 8}});
  rms_norm(x, w, "model", 1e-5);
}
