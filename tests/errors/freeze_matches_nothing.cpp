#include "tests/errors/mistake.h"

MISTAKE("a pattern that no parameter matches",
        "freeze_matches_nothing.cpp:7: train_step: the pattern 'layers.*' of freeze matches no parameter; the first of 1 is 'h.weight'") {
  Graph g;
  const Tensor w = (g.scope() / "h").param("weight", {}, ones());
  train_step(w * w, AdamW{.rules = {.freeze = {"layers.*"}}});
}
