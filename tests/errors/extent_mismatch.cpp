#include "tests/errors/mistake.h"

MISTAKE("a product of two sizes under one name",
        "extent_mismatch.cpp:8: dot over {model}: left has model=768, right has model=1024") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", {"model", 768}});
  const Tensor w = g.input("w", f32, {{"model", 1024}, "out"});
  dot(x, w, {"model"});
}
