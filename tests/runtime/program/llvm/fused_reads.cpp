#include "tests/runtime/fused_reads.h"
#include "tests/runtime/random_graphs.h"

namespace uwaga::test {

TEST_CASE("what is read elsewhere, or by a later pass, is not fused: the interpreter's bits") {
  for (const FusedRead& f : fused_reads()) {
    INFO(f.what);
    Graph g;
    f.make(g);
    const Arrays want = runs(g, {}, Target::interpreter());
    for (const int threads : {1, 3}) CHECK(difference(runs(g, {}, Target::host(threads)), want) == "");
  }
}

}  // namespace uwaga::test
