#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("one item of many elements",
        "?") {
  row_of(3).item<float>();
}
