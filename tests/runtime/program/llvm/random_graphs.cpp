#include "tests/runtime/random_graphs.h"

namespace uwaga::test {

TEST_CASE("random graphs give the interpreter's bits, on one thread and on three", "[slow]") {
  for (std::uint64_t seed = 0; seed < seeds(150); ++seed) {
    RandomGraph r(seed, 8 + static_cast<int>(seed % 16));
    if (seed % 3 == 0) add_gradients(r.graph);
    const Arrays want = runs(r.graph, r.sizes, Target::interpreter());
    INFO("seed " << seed);
    for (const int threads : {1, 3}) CHECK(difference(runs(r.graph, r.sizes, Target::host(threads)), want) == "");
  }
}

}  // namespace uwaga::test
