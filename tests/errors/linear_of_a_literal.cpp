#include "tests/errors/mistake.h"

MISTAKE("a linear layer of a number",
        "linear_of_a_literal.cpp:6: linear wants a tensor as its operand, not the literal 2") {
  Graph g;
  linear(g.scope() / "fc", 2.0, Axis{"in", 3}, Axis{"out", 4});
}
