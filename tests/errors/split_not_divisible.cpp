#include "tests/errors/mistake.h"

MISTAKE("a width that does not divide into heads",
        "split_not_divisible.cpp:7: split of 'model': 100 is not divisible by 12") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", {"model", 100}});
  split(x, "model", {{"head", 12}, "depth"});
}
