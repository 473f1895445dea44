#include "tests/errors/mistake.h"

MISTAKE("an update of what is no slot",
        "?") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones());
  const Tensor half = w * 0.5;
  update(half, w);
}
