#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("another rate under one name on one State",
        "rate_of_another_step.cpp:12: 'optimiser.rate' starts at 0.05 in this program and at 0.001 in the state: declare 0.001 here too and call "
        "state.set(\"optimiser.rate\", 0.05), or give it a path of its own (.name of an optimiser)") {
  State state;
  for (const double rate : {1e-3, 5e-2}) {
    Graph g;
    const Tensor w = g.scope().param("w", {}, ones());
    const Tensor loss = w * w;
    compile(train_step(loss, AdamW{.rate = rate}), any_target(), state);
    state.initialise_missing(1, any_target());
  }
}
