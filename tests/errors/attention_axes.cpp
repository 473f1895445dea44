#include "tests/errors/mistake.h"

MISTAKE("attention whose keys were never renamed",
        "attention_axes.cpp:8: attention: the key has axes {batch, time, depth} and lacks 'key'") {
  Graph g;
  const Tensor q = g.input("q", f32, {"batch", "time", {"depth", 8}});
  const Tensor k = g.input("k", f32, {"batch", "time", {"depth", 8}});
  attention(q, k, k, {.query = "time", .key = "key", .depth = "depth", .mask = causal()});
}
