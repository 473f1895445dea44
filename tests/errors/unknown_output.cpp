#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("an output under a wrong name",
        "the run gave no 'los'; there is 'loss'") {
  Graph g;
  g.input("x", f32, {}).watch("loss");
  State state;
  compile(g, any_target(), state).run({{"x", 1.0}})["los"];
}
