#include "tests/errors/mistake.h"

MISTAKE("a rename to an axis that is there already",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", "key"});
  rename(x, "time", "key");
}
