#include "tests/errors/mistake.h"

MISTAKE("a layer called twice in one scope",
        "?") {
  Graph g;
  const Axis model{"model", 8};
  const Tensor x = g.input("x", f32, {"row", model});
  const Scope s = g.scope();
  const Tensor h = linear(s / "fc", x, model, model);
  linear(s / "fc", h, model, model);
}
