#include "tests/errors/mistake.h"

MISTAKE("a target of fewer than no threads",
        "a host target wants 1 to 4096 threads (0: one a core), not -1") {
  Target::host(-1);
}
