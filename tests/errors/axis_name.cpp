#include "tests/errors/mistake.h"

MISTAKE("an axis name the text form cannot hold",
        "?") {
  Graph g;
  g.input("x", f32, {"batch size"});
}
