#include "tests/errors/mistake.h"

MISTAKE("a layer's norm over an axis the tensor lacks",
        "norm_over_a_missing_axis.cpp:6 in n: layer_norm over 'modle': its operand has only {batch, model}") {
  Graph g;
  layer_norm(g.scope() / "n", g.input("x", f32, {"batch", {"model", 8}}), "modle");
}
