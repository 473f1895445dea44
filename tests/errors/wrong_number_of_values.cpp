#include "tests/errors/mistake.h"

MISTAKE("an array with too few values",
        "?") {
  array({{"row", 2}, {"model", 3}}, std::vector<float>{1, 2, 3});
}
