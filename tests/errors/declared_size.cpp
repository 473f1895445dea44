#include "tests/errors/mistake.h"

MISTAKE("an axis used with another size than the tensor has",
        "declared_size.cpp:8: sum: the axis is declared model=64, the tensor has model=32") {
  Graph g;
  const Axis model{"model", 64};
  const Tensor x = g.input("x", f32, {"batch", {"model", 32}});
  sum(x, {model});
}
