#include "tests/errors/mistake.h"

MISTAKE("an op of literals alone",
        "?") {
  max(1.0, 2.0);
}
