#include "tests/errors/mistake.h"

MISTAKE("a sum over an axis the tensor lacks",
        "wrong_axis.cpp:7: sum over 'tim': its operand has only {batch, time}") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "time"});
  sum(x, {"tim"});
}
