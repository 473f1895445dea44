#include "tests/errors/mistake.h"

MISTAKE("an op of literals alone",
        "literals_alone.cpp:5: literals alone are no tensors; use constant()") {
  max(1.0, 2.0);
}
