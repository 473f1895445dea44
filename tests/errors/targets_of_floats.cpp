#include "tests/errors/mistake.h"

MISTAKE("targets that are no indices",
        "targets_of_floats.cpp:7: cross_entropy: the targets are f32[row, vocab=8]; they are integers, the index along 'vocab' of each right answer, and lack that axis") {
  Graph g;
  const Axis vocab("vocab", 8);
  cross_entropy(g.input("x", f32, {"row", vocab}), g.input("y", f32, {"row", vocab}), vocab);
}
