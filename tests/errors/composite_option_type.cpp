#include "tests/errors/mistake.h"

MISTAKE("an option read as another type",
        "option 'beta' of a composite is of another type than it is read as") {
  const Options options = {{"beta", 2.0}};
  option<std::int64_t>(options, "beta");
}
