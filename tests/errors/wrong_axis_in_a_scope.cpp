#include "tests/errors/mistake.h"

namespace {
Tensor mean_over(const Scope& s, const Tensor& x) {
  const Tensor gain = s.param("gain", {}, ones());
  return mean(x * gain, {"width"});
}
}  // namespace

MISTAKE("the same two scopes down, where the path is told",
        "wrong_axis_in_a_scope.cpp:6 in h.0.pool: mean over 'width': its operand has only {batch, time}") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "time"});
  for (const Scope& layer : g.scope().layers("h", 2)) mean_over(layer / "pool", x);
}
