#include "tests/errors/mistake.h"

MISTAKE("a rope of a number",
        "rope_of_a_literal.cpp:5: rope wants a tensor as its operand, not the literal 2") {
  rope(2.0, "time", "depth");
}
