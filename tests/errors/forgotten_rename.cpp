#include "tests/errors/mistake.h"

MISTAKE("queries and keys that must not become an outer product",
        "forgotten_rename.cpp:9: mul: axes {batch, key, depth} and {batch, query, depth}: neither contains the "
        "other; rename an axis, or write the outer product with outer or broadcast") {
  Graph g;
  const Tensor q = g.input("q", f32, {"batch", "query", "depth"});
  const Tensor k = g.input("k", f32, {"batch", "key", "depth"});
  q* k;
}
