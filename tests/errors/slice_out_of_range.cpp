#include "tests/errors/mistake.h"

MISTAKE("a slice past the end",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"time", 16}});
  slice(x, "time", 8, 20);
}
