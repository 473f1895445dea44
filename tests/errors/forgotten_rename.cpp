#include "tests/errors/mistake.h"

MISTAKE("queries and keys that must not become an outer product",
        "?") {
  Graph g;
  const Tensor q = g.input("q", f32, {"batch", "query", "depth"});
  const Tensor k = g.input("k", f32, {"batch", "key", "depth"});
  q* k;
}
