#include "tests/errors/mistake.h"

MISTAKE("a batch that does not divide into microbatches",
        "accumulate_not_divisible.cpp:7: split of 'batch': 10 is not divisible by 4") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"batch", 10}});
  accumulate({x}, "batch", 4, [](const std::vector<Tensor>& in) {
    return Loss{sum(in[0], {"batch"}), count(in[0], {"batch"}, f32)};
  });
}
