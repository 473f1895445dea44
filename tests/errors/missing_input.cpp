#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a run without one of the inputs",
        "?") {
  Graph g;
  doubled(g);
  run_once(g, {});
}
