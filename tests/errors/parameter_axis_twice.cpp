#include "tests/errors/mistake.h"

MISTAKE("a parameter from an axis to itself",
        "parameter_axis_twice.cpp:7: parameter 'weight' has axis 'model' twice") {
  Graph g;
  const Axis model{"model", 8};
  g.scope().param("weight", {model, model}, zeros());
}
