#include "tests/errors/mistake.h"

MISTAKE("a loss beside an output of that name",
        "another_loss.cpp:8: train_step: it gives the loss out as 'loss', and the graph has another output of that name") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones());
  (w + 1.0).watch("loss");
  train_step(w * w, Sgd{});
}
