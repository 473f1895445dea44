#include "tests/errors/mistake.h"

MISTAKE("an option read as another type",
        "?") {
  const Options options = {{"beta", 2.0}};
  option<std::int64_t>(options, "beta");
}
