#include "tests/errors/mistake.h"

MISTAKE("two new values for one slot",
        "?") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones());
  update(w, w * 0.5);
  update(w, w * 2.0);
}
