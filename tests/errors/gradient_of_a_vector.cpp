#include "tests/errors/mistake.h"

MISTAKE("the gradient of what is no scalar",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  grad(x * x, {x});
}
