#include "tests/errors/mistake.h"

MISTAKE("a parameter of bf16 is trained",
        "training_a_narrow_parameter.cpp:7: train_step: parameter 'w' is bf16[m=4], and optimisers update f32; freeze it, or keep it in f32 and cast it where it is used") {
  Graph g;
  const Tensor w = g.scope().param("w", {{"m", 4}}, ones(), bf16);
  train_step(cast(sum(w * w, {"m"}), f32), AdamW{});
}
