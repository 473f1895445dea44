#include "tests/errors/mistake.h"

MISTAKE("parts that differ in another axis",
        "concat_mismatch.cpp:8: concat: left has model=8, right has model=9") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", {"model", 8}});
  const Tensor y = g.input("y", f32, {"time", {"model", 9}});
  concat({x, y}, "time");
}
