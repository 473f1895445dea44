#include "tests/runtime/fused_reads.h"
#include "tests/runtime/random_graphs.h"

namespace uwaga::test {

TEST_CASE("what is read elsewhere, or by a later pass, is not fused: the interpreter's bits from CUDA kernels", "[cuda]") {
  for (const FusedRead& f : fused_reads()) {
    INFO(f.what);
    Graph g;
    f.make(g);
    CHECK(difference(runs(g, {}, Target::emulated(7)), runs(g, {}, Target::interpreter())) == "");
  }
}

}  // namespace uwaga::test
