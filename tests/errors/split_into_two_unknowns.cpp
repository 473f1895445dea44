#include "tests/errors/mistake.h"

MISTAKE("a split that leaves two sizes open",
        "split_into_two_unknowns.cpp:7: split of 'model': at most one of {head, depth} may be without a size") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"model", 100}});
  split(x, "model", {"head", "depth"});
}
