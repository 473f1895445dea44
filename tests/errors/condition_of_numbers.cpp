#include "tests/errors/mistake.h"

MISTAKE("a select by numbers",
        "condition_of_numbers.cpp:7: select wants a bool condition, not f32") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  select(x, 1.0, x);
}
