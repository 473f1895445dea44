#include "tests/errors/mistake.h"

MISTAKE("a carry that comes back as another type",
        "scan_carry.cpp:8: scan over 'time': carry 0 starts as f32[] and comes back as f32[model=8]") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", {"model", 8}});
  const Tensor start = constant(g, 0.0, f32);
  scan("time", {start}, {x}, [](const auto& carries, const auto& slices, Tensor) {
    return ScanStep{{carries[0] + slices[0]}, {}};
  });
}
