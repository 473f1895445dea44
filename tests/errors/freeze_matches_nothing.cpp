#include "tests/errors/mistake.h"

MISTAKE("a pattern that no parameter matches",
        "?") {
  Graph g;
  const Tensor w = (g.scope() / "h").param("weight", {}, ones());
  train_step(w * w, AdamW{.rules = {.freeze = {"layers.*"}}});
}
