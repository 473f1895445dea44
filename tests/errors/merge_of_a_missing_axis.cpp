#include "tests/errors/mistake.h"

MISTAKE("a merge of an axis that is not there",
        "merge_of_a_missing_axis.cpp:7: merge over 'depth': its operand has only {time, head}") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time", "head"});
  merge(x, {"head", "depth"}, "model");
}
