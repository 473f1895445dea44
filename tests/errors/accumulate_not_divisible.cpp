#include "tests/errors/mistake.h"

MISTAKE("a batch that does not divide into microbatches",
        "?") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"batch", 10}});
  accumulate({x}, "batch", 4, [](const std::vector<Tensor>& in) {
    return Loss{sum(in[0], {"batch"}), count(in[0], {"batch"}, f32)};
  });
}
