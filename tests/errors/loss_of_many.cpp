#include "tests/errors/mistake.h"

MISTAKE("a loss that is no scalar",
        "loss_of_many.cpp:7: train_step: the loss is f32[m=4] and has to be a floating scalar; take its mean or sum") {
  Graph g;
  const Tensor w = g.scope().param("w", {{"m", 4}}, ones());
  train_step(w * w, AdamW{});
}
