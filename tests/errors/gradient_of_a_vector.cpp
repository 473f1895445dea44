#include "tests/errors/mistake.h"

MISTAKE("the gradient of what is no scalar",
        "gradient_of_a_vector.cpp:7: grad wants a floating scalar, not f32[row]; sum it, or use vjp") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  grad(x * x, {x});
}
