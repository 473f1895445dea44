#include "tests/errors/mistake.h"

MISTAKE("more of the largest than there are",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", {"expert", 8}});
  top_k(x, "expert", 9, "chosen");
}
