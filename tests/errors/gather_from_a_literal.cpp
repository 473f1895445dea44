#include "tests/errors/mistake.h"

MISTAKE("a gather from a number",
        "gather_from_a_literal.cpp:7: gather wants a tensor as its data, not the literal 1") {
  Graph g;
  const Tensor ids = g.input("ids", i32, {"row"});
  gather(1.0, ids, "vocab");
}
