#include "tests/errors/mistake.h"

MISTAKE("a parameter under a wrong path",
        "the graph has no parameter 'h.0.wieght'; the nearest names are 'h.0.weight', 'h.0.bias'") {
  Graph g;
  const Scope s = g.scope() / "h.0";
  s.param("weight", {{"in", 2}}, ones());
  s.param("bias", {{"in", 2}}, ones());
  g.parameter("h.0.wieght");
}
