#include "tests/errors/mistake.h"

MISTAKE("a parameter whose axis has no size",
        "?") {
  Graph g;
  g.scope().param("weight", {{"in", 4}, "out"}, zeros());
}
