#include "tests/errors/mistake.h"

MISTAKE("the gradient with respect to an unused parameter",
        "gradient_of_unused.cpp:9: the loss does not depend on parameter 'lonely'; set allow_unused, or freeze it in "
        "train_step, if that is meant") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  g.scope().param("lonely", {}, ones());
  grad(sum(x, {"row"}));
}
