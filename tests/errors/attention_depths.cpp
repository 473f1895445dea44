#include "tests/errors/mistake.h"

MISTAKE("queries and keys of different depth",
        "attention_depths.cpp:8: attention: the query has depth=8, the key has depth=16") {
  Graph g;
  const Tensor q = g.input("q", f32, {"time", {"depth", 8}});
  const Tensor k = g.input("k", f32, {"key", {"depth", 16}});
  attention(q, k, k, {.query = "time", .key = "key", .depth = "depth"});
}
