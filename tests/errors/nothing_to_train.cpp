#include "tests/errors/mistake.h"

MISTAKE("a training step without parameters",
        "nothing_to_train.cpp:7: train_step: the graph has no trainable parameter to update") {
  Graph g;
  const Tensor x = g.input("x", f32, {});
  train_step(x * x, AdamW{});
}
