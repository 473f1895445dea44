#include "tests/errors/mistake.h"

MISTAKE("a rename to an axis that is there already",
        "rename_onto_itself.cpp:7: rename would give a tensor with axis 'key' twice") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", "key"});
  rename(x, "time", "key");
}
