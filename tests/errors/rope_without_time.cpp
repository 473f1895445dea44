#include "tests/errors/mistake.h"

MISTAKE("rotary positions along an axis the tensor lacks",
        "rope_without_time.cpp:7: rope over 'time': its operand has only {key, depth}") {
  Graph g;
  const Tensor k = g.input("k", f32, {"key", {"depth", 8}});
  rope(k, "time", "depth");
}
