#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

#include <uwaga/runtime/program/internal/state_data.h>

MISTAKE("a value asked for while a program runs",
        "this state is in use by a program that is running; wait for it to return") {
  Graph g;
  const State state = two_parameters(g);
  const StateData::Lock run(state.data());  // what a run holds from its begin to its end
  state.get("h.0.attn.bias");
}
