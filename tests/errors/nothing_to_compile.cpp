#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a graph without outputs",
        "there is nothing to compile: the graph has no output and no update; watch(\"name\") makes a tensor an "
        "output") {
  Graph g;
  exp(g.input("x", f32, {"row"}));
  State state;
  compile(g, any_target(), state);
}
