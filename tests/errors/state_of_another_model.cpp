#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("one State for two models that disagree",
        "parameter 'h.0.attn.bias' is f32[out=5] in this program and f32[out=3] in the state") {
  Graph g, h;
  State state = two_parameters(g);
  (h.scope() / "h.0" / "attn").param("bias", {{"out", 5}}, zeros()).watch("bias");
  compile(h, any_target(), state);
}
