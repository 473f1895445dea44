#include "tests/errors/mistake.h"

MISTAKE("two inputs of one name",
        "input_twice.cpp:7: input 'x' is already declared at input_twice.cpp:6") {
  Graph g;
  g.input("x", f32, {"row"});
  g.input("x", f32, {"row"});
}
