#include "tests/errors/mistake.h"

MISTAKE("a dropout that drops everything",
        "dropout_rate.cpp:7 in h: dropout wants a rate of 0 or more and below 1, not 1") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  dropout(g.scope() / "h", x, 1.0);
}
