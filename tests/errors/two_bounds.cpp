#include "tests/errors/mistake.h"

MISTAKE("one axis with two bounds",
        "two_bounds.cpp:7: axis 'time' is bounded by 1024 here and by 512 before") {
  Graph g;
  g.input("x", f32, {{"time", up_to(512)}});
  g.input("y", f32, {{"time", up_to(1024)}});
}
