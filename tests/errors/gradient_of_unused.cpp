#include "tests/errors/mistake.h"

MISTAKE("the gradient with respect to an unused parameter",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  g.scope().param("lonely", {}, ones());
  grad(sum(x, {"row"}));
}
