#include "tests/errors/mistake.h"

MISTAKE("the new value of what is no slot",
        "updated_of_a_result.cpp:8: updated wants a parameter or a state slot, not the result of mul") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones());
  const Tensor half = w * 0.5;
  updated(half);
}
