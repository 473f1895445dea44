#include "tests/errors/mistake.h"

MISTAKE("a target of fewer than no threads",
        "?") {
  Target::host(-1);
}
