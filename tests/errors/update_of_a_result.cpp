#include "tests/errors/mistake.h"

MISTAKE("an update of what is no slot",
        "update_of_a_result.cpp:8: update wants a parameter or a state slot, not the result of mul") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones());
  const Tensor half = w * 0.5;
  update(half, w);
}
