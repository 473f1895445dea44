#include "tests/errors/mistake.h"

MISTAKE("a parameter from an axis to itself",
        "?") {
  Graph g;
  const Axis model{"model", 8};
  g.scope().param("weight", {model, model}, zeros());
}
