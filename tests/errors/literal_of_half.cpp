#include "tests/errors/mistake.h"

MISTAKE("a literal that the tensor's dtype cannot hold",
        "?") {
  Graph g;
  const Tensor x = g.input("x", i32, {"row"});
  x * 0.5;
}
