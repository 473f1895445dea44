#include "tests/errors/mistake.h"

MISTAKE("a gradient that nothing but argmax carries",
        "gradient_through_argmax.cpp:8: the loss depends on input 'x' only through what is piecewise constant or "
        "stopped, so its gradient is 0; set allow_unused, or freeze it in train_step, if that is meant") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  grad(cast(argmax(x, "row"), f32), {x});
}
