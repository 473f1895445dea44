#include "tests/errors/mistake.h"

MISTAKE("an initialiser that must be told the input axes",
        "?") {
  Graph g;
  g.scope().param("weight", {{"model", 8}, {"head", 2}, {"depth", 4}}, xavier_uniform());
}
