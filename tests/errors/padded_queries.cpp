#include "tests/errors/mistake.h"

MISTAKE("padding along the queries instead of the keys",
        "padded_queries.cpp:10: attention: padded: i32[batch, time] tells nothing of the keys; rename 'time' to 'key'") {
  Graph g;
  const Axis depth("depth", 4);
  const Axes rows{"batch", "time", depth};
  const Tensor q = g.input("q", f32, rows), k = rename(q, "time", "key");
  const Tensor real = g.input("real", i32, {"batch", "time"});
  attention(q, k, k, {.mask = padded(real)});
}
