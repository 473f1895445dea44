#include "tests/errors/mistake.h"

MISTAKE("rotary positions of an odd depth",
        "rope_of_odd_depth.cpp:7: rope wants an even, fixed 'depth': the tensor is f32[time, depth=7]") {
  Graph g;
  const Tensor q = g.input("q", f32, {"time", {"depth", 7}});
  rope(q, "time", "depth");
}
