#include "tests/errors/mistake.h"

MISTAKE("a sum of f32 and bf16",
        "mixed_dtypes.cpp:8: add: left is f32, right is bf16; cast one of them") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  const Tensor y = g.input("y", bf16, {"row"});
  x + y;
}
