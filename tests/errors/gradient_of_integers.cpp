#include "tests/errors/mistake.h"

MISTAKE("the gradient with respect to token ids",
        "?") {
  Graph g;
  const Tensor ids = g.input("ids", i32, {"row"});
  grad(sum(cast(ids, f32), {"row"}), {ids});
}
