#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a parameter set to other axes",
        "'h.0.attn.weight' is f32[in=2, out=3]; it cannot be set to f32[in=2, out=4]") {
  Graph g;
  State state = two_parameters(g);
  state.set("h.0.attn.weight", Array(f32, {{"in", 2}, {"out", 4}}));
}
