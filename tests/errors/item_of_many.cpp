#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("one item of many elements",
        "f32[row=3] of 3 elements is read as one item") {
  row_of(3).item<float>();
}
