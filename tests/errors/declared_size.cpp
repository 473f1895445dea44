#include "tests/errors/mistake.h"

MISTAKE("an axis used with another size than the tensor has",
        "?") {
  Graph g;
  const Axis model{"model", 64};
  const Tensor x = g.input("x", f32, {"batch", {"model", 32}});
  sum(x, {model});
}
