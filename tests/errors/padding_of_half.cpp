#include "tests/errors/mistake.h"

MISTAKE("integers padded with a half",
        "padding_of_half.cpp:6: the literal 0.5 is no i32") {
  Graph g;
  pad(g.input("x", i32, {"n"}), "n", Extent(1), Extent(0), 0.5);
}
