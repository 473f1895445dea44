#include "tests/errors/mistake.h"

MISTAKE("a merge of an axis that is not there",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", "head"});
  merge(x, {"head", "depth"}, "model");
}
