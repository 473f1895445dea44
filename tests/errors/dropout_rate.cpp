#include "tests/errors/mistake.h"

MISTAKE("a dropout that drops everything",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  dropout(g.scope() / "h", x, 1.0);
}
