#include "tests/errors/mistake.h"

MISTAKE("tensors of two graphs in one op",
        "two_graphs.cpp:8: tensors of two graphs meet; declare both in one Graph") {
  Graph g, h;
  const Tensor x = g.input("x", f32, {"row"});
  const Tensor y = h.input("y", f32, {"row"});
  x + y;
}
