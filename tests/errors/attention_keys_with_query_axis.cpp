#include "tests/errors/mistake.h"

MISTAKE("attention whose values kept the query's axis",
        "attention_keys_with_query_axis.cpp:10: attention: keys and values may not have the query's axis 'time'; "
        "rename it to 'key'") {
  Graph g;
  const Tensor q = g.input("q", f32, {"time", {"depth", 8}});
  const Tensor k = g.input("k", f32, {"key", {"depth", 8}});
  const Tensor v = g.input("v", f32, {"time", "key", {"depth", 8}});
  attention(q, k, v, {.query = "time", .key = "key", .depth = "depth"});
}
