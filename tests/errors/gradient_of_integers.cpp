#include "tests/errors/mistake.h"

MISTAKE("the gradient with respect to token ids",
        "gradient_of_integers.cpp:7: a gradient wants floating dtypes; input 'ids' is i32[row]") {
  Graph g;
  const Tensor ids = g.input("ids", i32, {"row"});
  grad(sum(cast(ids, f32), {"row"}), {ids});
}
