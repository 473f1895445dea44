#include "tests/errors/mistake.h"

MISTAKE("two optimisers of one name in one graph",
        "second_optimiser.cpp:8: train_step: the graph has an optimiser 'optimiser' already; a second one takes a .name of its own") {
  Graph g;
  const Tensor v = g.scope().param("v", {}, ones()), w = g.scope().param("w", {}, ones());
  train_step(v * w, AdamW{.rules = {.freeze = {"w"}}});
  train_step(v * w, Sgd{.rules = {.freeze = {"v"}}});
}
