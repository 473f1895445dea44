#include "tests/errors/mistake.h"

MISTAKE("a linear layer from an axis the tensor lacks",
        "linear_from_a_missing_axis.cpp:6 in q: linear over 'modle': its operand has only {batch, model}") {
  Graph g;
  linear(g.scope() / "q", g.input("x", f32, {"batch", {"model", 8}}), "modle", {"head", 2});
}
