#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a run with slots that came after the others had values",
        "'optimiser.velocity.w' has no value yet; state.initialise_missing(seed) gives first values to such slots alone, or load the state") {
  Graph g, h;
  State state;
  Program adam = compile(train_step(g.scope().param("w", {}, ones()), AdamW{.rate = 0.1}), any_target(), state);
  state.initialise(1, any_target());
  adam.run({});
  compile(train_step(h.scope().param("w", {}, ones()), Sgd{.rate = 0.1}), any_target(), state).run({});
}
