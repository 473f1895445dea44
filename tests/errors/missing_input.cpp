#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a run without one of the inputs",
        "input 'x' is missing: f32[row] (programs.h:18)") {
  Graph g;
  doubled(g);
  run_once(g, {});
}
