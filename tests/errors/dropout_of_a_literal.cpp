#include "tests/errors/mistake.h"

MISTAKE("a dropout of a number",
        "dropout_of_a_literal.cpp:6: dropout wants a tensor as its operand, not the literal 1") {
  Graph g;
  dropout(g.scope() / "h", 1.0, 0.1);
}
