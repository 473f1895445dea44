#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("an input of another dtype",
        "input 'x' is f64[row=2] instead of f32[row]") {
  Graph g;
  doubled(g);
  run_once(g, {{"x", array({{"row", 2}}, std::vector<double>{1, 2})}});
}
