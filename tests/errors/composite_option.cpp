#include "tests/errors/mistake.h"

MISTAKE("an option of a composite that was never given",
        "a composite has no option 'gamma'") {
  const Options options = {{"beta", 2.0}};
  option<double>(options, "gamma");
}
