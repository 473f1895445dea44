#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a graph that was never written",
        "?") {
  Graph g;
  State state;
  compile(g, any_target(), state);
}
