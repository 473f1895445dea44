#include "tests/errors/mistake.h"

MISTAKE("an lstm that starts without a cell",
        "an initial state of an lstm has a cell beside the hidden state") {
  Graph g;
  const Axis in("in", 2), hidden("hidden", 3);
  const Tensor x = g.input("x", f32, {"time", in}), h = g.input("h", f32, {hidden});
  recurrent(g.scope(), x, "time", in, hidden, {.cell = Cell::lstm}, {{h, std::nullopt}});
}
