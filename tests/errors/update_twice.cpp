#include "tests/errors/mistake.h"

MISTAKE("two new values for one slot",
        "update_twice.cpp:8: 'w' has an update already; a slot takes one new value a run") {
  Graph g;
  const Tensor w = g.scope().param("w", {}, ones());
  update(w, w * 0.5);
  update(w, w * 2.0);
}
