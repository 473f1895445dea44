#include "tests/errors/mistake.h"

MISTAKE("a broadcast to less than nothing",
        "negative_axis.cpp:6: broadcast: a=-3: an axis has 0 elements or more") {
  Graph g;
  broadcast(g.input("x", f32, {}), {{"a", -3}});
}
