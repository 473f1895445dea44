#include "tests/errors/mistake.h"

MISTAKE("a floating op of integers",
        "exp_of_integers.cpp:7: exp wants a floating dtype, not i32") {
  Graph g;
  const Tensor x = g.input("x", i32, {"row"});
  exp(x);
}
