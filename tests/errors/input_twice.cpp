#include "tests/errors/mistake.h"

MISTAKE("two inputs of one name",
        "?") {
  Graph g;
  g.input("x", f32, {"row"});
  g.input("x", f32, {"row"});
}
