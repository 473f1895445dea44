#include "tests/errors/mistake.h"

MISTAKE("one axis with two bounds",
        "?") {
  Graph g;
  g.input("x", f32, {{"time", up_to(512)}});
  g.input("y", f32, {{"time", up_to(1024)}});
}
