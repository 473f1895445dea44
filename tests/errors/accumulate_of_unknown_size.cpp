#include "tests/errors/mistake.h"

MISTAKE("accumulation over a batch of unknown size",
        "accumulate_of_unknown_size.cpp:7: accumulate cuts 'batch', whose size is not known: declare it, as Axis(\"batch\", 32), at the inputs") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch"});
  accumulate({x}, "batch", 2, [](const std::vector<Tensor>& in) { return Loss{sum(in[0], {"batch"}), count(in[0], {"batch"}, f32)}; });
}
