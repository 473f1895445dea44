#include "tests/errors/mistake.h"

MISTAKE("a slice past the end",
        "slice_out_of_range.cpp:7: slice of 'time' stops at 20 of 16") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"time", 16}});
  slice(x, "time", 8, 20);
}
