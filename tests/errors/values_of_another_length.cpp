#include "tests/errors/mistake.h"

MISTAKE("keys and values of different lengths",
        "values_of_another_length.cpp:9: attention: the key has key=5, the value has key=6") {
  Graph g;
  const Tensor q = g.input("q", f32, {"time", {"depth", 8}});
  const Tensor k = g.input("k", f32, {{"key", 5}, {"depth", 8}});
  const Tensor v = g.input("v", f32, {{"key", 6}, {"depth", 8}});
  attention(q, k, v, {.query = "time", .key = "key", .depth = "depth"});
}
