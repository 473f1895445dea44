#include "tests/errors/mistake.h"

MISTAKE("gradients that lack a parameter",
        "gradient_that_is_missing.cpp:7: train_step: there is no gradient of 'b'; freeze it if that is meant") {
  Graph g;
  const Tensor a = g.scope().param("a", {}, ones()), b = g.scope().param("b", {}, ones());
  train_step(a * b, {{"a", b}}, Sgd{});
}
