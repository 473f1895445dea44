#include "tests/errors/mistake.h"

MISTAKE("queries and keys of different depth",
        "?") {
  Graph g;
  const Tensor q = g.input("q", f32, {"time", {"depth", 8}});
  const Tensor k = g.input("k", f32, {"key", {"depth", 16}});
  attention(q, k, k, {.query = "time", .key = "key", .depth = "depth"});
}
