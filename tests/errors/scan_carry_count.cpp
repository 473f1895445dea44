#include "tests/errors/mistake.h"

MISTAKE("a scan that loses a carry",
        "scan_carry_count.cpp:7: scan over 'time': the body gives 0 carries for 1") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time"});
  scan("time", {constant(g, 0.0, f32)}, {x}, [](const auto&, const auto& slices, Tensor) {
    return ScanStep{{}, {slices[0]}};
  });
}
