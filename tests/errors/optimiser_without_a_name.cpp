#include "tests/errors/mistake.h"

MISTAKE("an optimiser of an empty name",
        "optimiser_without_a_name.cpp:7: train_step: the optimiser's .name is empty, and its slots begin with it") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones());
  train_step(w * w, AdamW{.name = ""});
}
