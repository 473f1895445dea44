#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a graph without outputs",
        "?") {
  Graph g;
  exp(g.input("x", f32, {"row"}));
  State state;
  compile(g, any_target(), state);
}
