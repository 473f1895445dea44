#include "tests/runtime/random_graphs.h"

namespace uwaga::test {

TEST_CASE("random graphs give the interpreter's bits with CUDA kernels", "[cuda][slow]") {
  for (std::uint64_t seed = 0; seed < seeds(60); ++seed) {
    RandomGraph r(1000 + seed, 8 + static_cast<int>(seed % 16));
    if (seed % 3 == 0) add_gradients(r.graph);
    INFO("seed " << 1000 + seed);
    CHECK(difference(runs(r.graph, r.sizes, Target::emulated(seed)), runs(r.graph, r.sizes, Target::interpreter())) == "");
  }
}

}  // namespace uwaga::test
