#include "tests/errors/mistake.h"

MISTAKE("two optimisers in one graph that both update a parameter",
        "two_optimisers_of_a_parameter.cpp:8: train_step: 'w' has an update already; a slot takes one new value a run (.rules.freeze leaves a parameter alone)") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones());
  train_step(w * w, AdamW{});
  train_step(w * w, Sgd{.name = "slow"});
}
