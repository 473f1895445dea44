#include "tests/errors/mistake.h"

MISTAKE("a parameter whose axis has no size",
        "parameter_without_size.cpp:6: parameter 'weight' needs a size for axis 'out'") {
  Graph g;
  g.scope().param("weight", {{"in", 4}, "out"}, zeros());
}
