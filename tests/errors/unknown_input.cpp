#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a run with an input the program does not take",
        "there is no input 'tokens', only {x}") {
  Graph g;
  doubled(g);
  run_once(g, {{"x", row_of(3)}, {"tokens", row_of(3)}});
}
