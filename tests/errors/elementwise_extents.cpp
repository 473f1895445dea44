#include "tests/errors/mistake.h"

MISTAKE("a sum of tensors whose sizes differ",
        "elementwise_extents.cpp:8: add: one operand has model=8, another has model=16") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", {"model", 8}});
  const Tensor b = g.input("b", f32, {{"model", 16}});
  x + b;
}
