#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("an input of other axes",
        "input 'x' has axes {column} instead of {row}") {
  Graph g;
  doubled(g);
  run_once(g, {{"x", array({{"column", 2}}, std::vector<float>{1, 2})}});
}
