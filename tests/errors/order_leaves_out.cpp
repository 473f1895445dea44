#include "tests/errors/mistake.h"

MISTAKE("an order that leaves out an axis",
        "order_leaves_out.cpp:7: order to {time, batch} leaves out some of {batch, time, model}") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "time", "model"});
  order(x, {"time", "batch"});
}
