#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a parameter's name that is not quite right",
        "the state has no 'h.0.attn.wieght'; the nearest names are 'h.0.attn.weight', 'h.0.attn.bias'") {
  Graph g;
  State state = two_parameters(g);
  state.get("h.0.attn.wieght");
}
