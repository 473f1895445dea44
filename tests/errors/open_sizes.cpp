#include "tests/errors/mistake.h"

MISTAKE("two axes of one name whose sizes were left open under two",
        "open_sizes.cpp:9: select: one operand has key=key, another has key=time; open sizes go by the axis first declared "
        "without one, and these two may differ") {
  Graph g;
  const Tensor mask = g.input("mask", boolean, {"query", "key"});
  const Tensor score = rename(g.input("x", f32, {"time"}), "time", "key");
  select(mask, score, 0.0);
}
