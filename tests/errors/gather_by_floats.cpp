#include "tests/errors/mistake.h"

MISTAKE("an embedding read at floats",
        "?") {
  Graph g;
  const Tensor table = g.input("table", f32, {{"vocab", 100}, {"model", 8}});
  const Tensor ids = g.input("ids", f32, {"time"});
  embedding(table, ids, "vocab");
}
