#include "tests/errors/mistake.h"

MISTAKE("a value of a scan's body is watched",
        "watch_in_a_scan.cpp:8: 'h' is inside a scan, cond or composite, whose values no run gives out; let the body return it and watch it outside") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time"});
  scan("time", {sum(x, {"time"})}, {x}, [](const auto& carries, const auto& slices, Tensor) {
    const Tensor h = (carries[0] + slices[0]).watch("h");
    return ScanStep{{h}, {}};
  });
}
