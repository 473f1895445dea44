#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("more time steps than the axis is declared for",
        "'time' is 9 in input 'x' and at most 8 by its declaration") {
  Graph g;
  exp(g.input("x", f32, {{"time", up_to(8)}})).watch("y");
  run_once(g, {{"x", Array(f32, {{"time", 9}})}});
}
