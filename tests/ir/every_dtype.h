// Every op in every dtype that its row allows, and the composites, over axes whose sizes are all symbols: one graph to be
// compiled once and run at every shape.
//
//   for (const DTypeExample& e : every_dtype()) { Program p = compile(e.graph, ...); for (const Sizes& s : kShapes) ... }
//
// Inputs and values as in every_op.h. The axes are rows and cols; ops that want another axis give it a size of their own.
#pragma once

#include "tests/ir/every_op.h"

namespace uwaga::test {

struct DTypeExample {
  OpExample example;
  DType dtype;             // of the inputs
  int composite = 0;       // 1: a composite, not a primitive
};
std::vector<DTypeExample> every_dtype();

// No rows, no columns, one, primes, and a vector of 8 and of 16 lanes, one less and one more.
std::vector<Sizes> edge_shapes();

}  // namespace uwaga::test
