#include "tests/errors/mistake.h"

MISTAKE("a sum over an axis the tensor lacks",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "time"});
  sum(x, {"tim"});
}
