#include "tests/errors/mistake.h"

MISTAKE("a mean over an axis the tensor lacks",
        "mean_over_a_missing_axis.cpp:6: mean over 'modle': its operand has only {batch, model}") {
  Graph g;
  mean(g.input("x", f32, {"batch", "model"}), {"modle"});
}
