#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("two inputs that disagree on a size",
        "'row' is 3 in input 'x' and 4 in input 'y'") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"}), y = g.input("y", f32, {"row"});
  (x + y).watch("z");
  run_once(g, {{"x", row_of(3)}, {"y", row_of(4)}});
}
