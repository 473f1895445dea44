#include "tests/errors/mistake.h"

MISTAKE("two dropouts of one name",
        "dropout_twice.cpp:8 in h: random numbers named 'h.dropout' are already drawn at dropout_twice.cpp:8 in h") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  const Scope s = g.scope() / "h";
  dropout(s, dropout(s, x, 0.1), 0.1);
}
