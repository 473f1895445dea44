#include "tests/errors/mistake.h"

MISTAKE("a select by numbers",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  select(x, 1.0, x);
}
