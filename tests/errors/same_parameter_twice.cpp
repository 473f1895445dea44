#include "tests/errors/mistake.h"

MISTAKE("two parameters on one path",
        "?") {
  Graph g;
  const Scope s = g.scope() / "mlp";
  s.param("weight", {{"in", 4}, {"out", 4}}, zeros());
  s.param("weight", {{"in", 4}, {"out", 4}}, zeros());
}
