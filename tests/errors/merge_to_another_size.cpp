#include "tests/errors/mistake.h"

MISTAKE("a merge into an axis of another size",
        "merge_to_another_size.cpp:7: merge: the axis is declared model=64, the tensor has model=32") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", {"head", 4}, {"depth", 8}});
  merge(x, {"head", "depth"}, {"model", 64});
}
