#include "tests/errors/mistake.h"

MISTAKE("a score that loses its keys",
        "score_without_keys.cpp:8: attention: `score` gave f32[time] back, which lacks 'key' of the scores") {
  Graph g;
  const Axis depth("depth", 4);
  const Tensor q = g.input("q", f32, {"time", depth}), k = g.input("k", f32, {"key", depth});
  attention(q, k, k, {.score = [](const Score& at) { return sum(at.score, {"key"}); }});
}
