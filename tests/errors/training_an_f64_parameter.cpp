#include "tests/errors/mistake.h"

MISTAKE("a parameter of f64 is trained, as layers of f64 make them",
        "training_an_f64_parameter.cpp:9: train_step: parameter 'q.weight' is f64[m=4, n=2], and optimisers update f32; freeze it, or "
        "keep it in f32 and cast it where it is used") {
  Graph g;
  const Axis m("m", 4), n("n", 2);
  const Tensor y = linear(g.scope() / "q", g.input("x", f64, {m}), m, n, {.bias = false});
  train_step(sum(y * y, {n}), AdamW{});
}
