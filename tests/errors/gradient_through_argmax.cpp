#include "tests/errors/mistake.h"

MISTAKE("a gradient that nothing but argmax carries",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  grad(cast(argmax(x, "row"), f32), {x});
}
