#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a run before the parameters have values",
        "'h.gain' has no value yet; initialise or load the state first") {
  Graph g;
  (g.input("x", f32, {"row"}) * (g.scope() / "h").param("gain", {}, ones())).watch("y");
  State state;
  compile(g, any_target(), state).run({{"x", row_of(2)}});
}
