#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("one position more where the caches are full, and the count is fixed",
        "full_cache_of_one.cpp:7: slice of 'cache.0', which holds 4 along 'key' and is full: past + 1 = 5 (past=4)") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"time", up_to(16)}, {"depth", 8}}), k = rename(x, "time", "key");
  attention(x, k, k, {.query = "time", .depth = "depth", .mask = causal()}).watch("y");
  run_once(derive_decode(g, "time", {.capacity = 4, .count = 1}), {{"x", positions(1)}}, {{"past", 4}});
}
