#include "tests/errors/mistake.h"

MISTAKE("a softmax over an axis the tensor lacks: it is named before the op inside",
        "softmax_over_a_missing_axis.cpp:6: softmax: reduce_max over 'modle': its operand has only {batch, model}") {
  Graph g;
  softmax(g.input("x", f32, {"batch", "model"}), "modle");
}
