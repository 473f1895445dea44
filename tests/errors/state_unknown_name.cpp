#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a parameter's name that is not quite right",
        "?") {
  Graph g;
  State state = two_parameters(g);
  state.get("h.0.attn.wieght");
}
