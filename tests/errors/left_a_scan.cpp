#include "tests/errors/mistake.h"

MISTAKE("a tensor of a scan's body is used outside",
        "left_a_scan.cpp:12: a tensor that was made inside a scan, cond or composite is used outside of it; let its body return it") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time"});
  Tensor kept = x;
  scan("time", {sum(x, {"time"})}, {x}, [&](const auto& carries, const auto& slices, Tensor) {
    kept = slices[0];
    return ScanStep{{carries[0] + slices[0]}, {}};
  });
  x + kept;
}
