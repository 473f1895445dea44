#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("training that draws the same numbers in every step",
        "dropout_at_a_standstill.cpp:8: the random numbers 'dropout' follow the slot 'step', and the graph updates parameters but not that: every run would draw the same; add update(g.step(), g.step() + 1)") {
  Graph g;
  const Tensor w = g.scope().param("w", {{"m", 8}}, ones());
  const Tensor loss = sum(dropout(g.scope(), w, 0.5), {"m"});
  update(w, w - grad(loss, {w})[0]);
  State state;
  compile(g, any_target(), state);
}
