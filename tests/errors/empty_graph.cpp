#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a graph that was never written",
        "there is nothing to compile: the graph has no output and no update; watch(\"name\") makes a tensor an "
        "output") {
  Graph g;
  State state;
  compile(g, any_target(), state);
}
