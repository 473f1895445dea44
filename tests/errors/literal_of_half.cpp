#include "tests/errors/mistake.h"

MISTAKE("a literal that the tensor's dtype cannot hold",
        "literal_of_half.cpp:7: the literal 0.5 is no i32") {
  Graph g;
  const Tensor x = g.input("x", i32, {"row"});
  x * 0.5;
}
