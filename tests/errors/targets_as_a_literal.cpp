#include "tests/errors/mistake.h"

MISTAKE("a target that is a number",
        "targets_as_a_literal.cpp:7: cross_entropy wants a tensor as its targets, not the literal 3") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row", {"word", 8}});
  cross_entropy(x, 3, "word");
}
