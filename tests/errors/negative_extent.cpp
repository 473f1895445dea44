#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("an array of fewer than no rows",
        "an array cannot have row=-1") {
  row_of(-1);
}
