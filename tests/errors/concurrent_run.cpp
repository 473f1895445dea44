#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

#include <uwaga/runtime/program/internal/state_data.h>

MISTAKE("a run while another runs on the same State",
        "this state is in use by a program that is running; wait for it to return") {
  Graph g;
  doubled(g);
  State state;
  Program program = compile(g, any_target(), state);
  const StateData::Lock other_run(state.data());  // what a run holds from its begin to its end
  program.run({{"x", row_of(2)}});
}
