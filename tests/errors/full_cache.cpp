#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a text that goes on beyond what its caches hold",
        "full_cache.cpp:7: slice of 'cache.0', which holds 4 along 'key' and is full: new + past = 6 (new=3, past=3)") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"time", up_to(16)}, {"depth", 8}}), k = rename(x, "time", "key");
  attention(x, k, k, {.query = "time", .depth = "depth", .mask = causal()}).watch("y");
  run_once(derive_decode(g, "time", {.capacity = 4}), {{"x", positions(3)}}, {{"past", 3}});
}
