#include "tests/errors/mistake.h"

MISTAKE("two outputs of one name",
        "watch_twice.cpp:8: there is already an output 'hidden'") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  x.watch("hidden");
  exp(x).watch("hidden");
}
