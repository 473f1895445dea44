#include "tests/errors/mistake.h"

MISTAKE("a layer called twice in one scope",
        "same_layer_twice.cpp:11 in fc: parameter 'fc.weight' is already declared at same_layer_twice.cpp:10 in "
        "fc; to use it again, pass the tensor or tie the scope (Scope::tied_to)") {
  Graph g;
  const Axis model{"model", 8};
  const Tensor x = g.input("x", f32, {"row", model});
  const Scope s = g.scope();
  const Tensor h = linear(s / "fc", x, model, model);
  linear(s / "fc", h, model, model);
}
