#include "tests/errors/mistake.h"

MISTAKE("accumulation over no microbatches",
        "accumulate_of_none.cpp:7: accumulate wants 1 microbatch or more, not -2") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"batch", 8}});
  accumulate({x}, "batch", -2, [](const std::vector<Tensor>& in) { return Loss{sum(in[0], {"batch"}), count(in[0], {"batch"}, f32)}; });
}
