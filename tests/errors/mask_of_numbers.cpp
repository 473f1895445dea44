#include "tests/errors/mistake.h"

MISTAKE("a mask that gives numbers",
        "mask_of_numbers.cpp:8: attention: `mask` gave i32[time, key] back; it tells by a bool which key a query sees") {
  Graph g;
  const Axis depth("depth", 4);
  const Tensor q = g.input("q", f32, {"time", depth}), k = g.input("k", f32, {"key", depth});
  attention(q, k, k, {.mask = [](Tensor query, Tensor key) { return query - key; }});
}
