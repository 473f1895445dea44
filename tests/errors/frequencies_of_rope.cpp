#include "tests/errors/mistake.h"

MISTAKE("too few frequencies for rope",
        "frequencies_of_rope.cpp:7: rope of depth=8 wants 4 inverse frequencies, not 2") {
  Graph g;
  const Axis depth("depth", 8);
  rope(g.input("x", f32, {"time", depth}), "time", depth, {.inverse_frequencies = std::vector<double>{1.0, 0.5}});
}
