#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("an input of another size than the program fixes",
        "input 'x' has model=5 instead of 4") {
  Graph g;
  exp(g.input("x", f32, {"row", {"model", 4}})).watch("y");
  run_once(g, {{"x", Array(f32, {{"row", 2}, {"model", 5}})}});
}
