#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("an input of another dtype",
        "?") {
  Graph g;
  doubled(g);
  run_once(g, {{"x", array({{"row", 2}}, std::vector<double>{1, 2})}});
}
