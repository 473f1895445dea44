#include "tests/errors/mistake.h"

MISTAKE("an embedding read at floats",
        "gather_by_floats.cpp:8: embedding: gather wants i32 or i64 indices, not f32") {
  Graph g;
  const Tensor table = g.input("table", f32, {{"vocab", 100}, {"model", 8}});
  const Tensor ids = g.input("ids", f32, {"time"});
  embedding(table, ids, "vocab");
}
