#include "tests/errors/mistake.h"

MISTAKE("two outputs of one name",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  x.watch("hidden");
  exp(x).watch("hidden");
}
