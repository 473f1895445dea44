#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a size that is no multiple of what it is declared to be",
        "'time' is 13 in input 'x' and a multiple of 4 by its declaration") {
  Graph g;
  const Tensor x = g.input("x", f32, {Axis("time", 4 * Extent::symbol("n"))});
  sum(split(x, "time", {{"chunk"}, {"in", 4}}), {"in"}).watch("y");
  run_once(g, {{"x", Array(f32, {{"time", 13}})}});
}
