#include "tests/errors/mistake.h"

MISTAKE("two parameters on one path",
        "same_parameter_twice.cpp:9 in mlp: parameter 'mlp.weight' is already declared at "
        "same_parameter_twice.cpp:8 in mlp; to use it again, pass the tensor or tie the scope (Scope::tied_to)") {
  Graph g;
  const Scope s = g.scope() / "mlp";
  s.param("weight", {{"in", 4}, {"out", 4}}, zeros());
  s.param("weight", {{"in", 4}, {"out", 4}}, zeros());
}
