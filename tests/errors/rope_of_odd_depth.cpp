#include "tests/errors/mistake.h"

MISTAKE("rotary positions of an odd depth",
        "?") {
  Graph g;
  const Tensor q = g.input("q", f32, {"time", {"depth", 7}});
  rope(q, "time", "depth");
}
