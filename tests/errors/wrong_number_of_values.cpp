#include "tests/errors/mistake.h"

MISTAKE("an array with too few values",
        "f32[row=2, model=3] takes 6 values and is given 3") {
  array({{"row", 2}, {"model", 3}}, std::vector<float>{1, 2, 3});
}
