#include "tests/errors/mistake.h"

MISTAKE("a gather from a number",
        "?") {
  Graph g;
  const Tensor ids = g.input("ids", i32, {"row"});
  gather(1.0, ids, "vocab");
}
