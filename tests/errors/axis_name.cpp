#include "tests/errors/mistake.h"

MISTAKE("an axis name the text form cannot hold",
        "axis_name.cpp:7: input: 'batch size' is no axis name: letters, digits, '_' and '.', a letter or '_' "
        "first") {
  Graph g;
  g.input("x", f32, {"batch size"});
}
