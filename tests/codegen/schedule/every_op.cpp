// Every op, compiled and run as a kernel, against the typed interpreter: equal to the bit.
#include <uwaga/ir/interpreter/interpret.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"
#include "tests/ir/every_op.h"

namespace uwaga::test {
namespace {

bool has_structure(const Graph& g) {
  for (const Node& n : g->nodes())
    if (n.op == Op::scan || n.op == Op::cond || n.op == Op::call) return true;
  return false;
}

void check_example(const OpExample& e, std::int64_t rows, int vector_bytes, bool fused) {
  INFO(e.what << ", rows=" << rows << ", vectors of " << vector_bytes << " bytes" << (fused ? "" : ", unfused"));
  const Sizes sizes{{"rows", rows}};
  const Drawn given = draw(e.graph, sizes, 7, e.low, e.high, e.index_limit);
  HostTarget target;
  target.vector_bytes = vector_bytes;
  const Results want = interpret(e.graph, given.inputs, given.parameters, Mode::typed);
  const ClusterRun have = run_clustering(e.graph, fused ? fuse(e.graph) : unfused(e.graph), given.inputs, given.parameters, sizes, target);
  CHECK_FALSE(have.failed);
  for (const auto& [name, array] : want.outputs) {
    INFO("output " << name);
    check_bits(have.outputs.at(name), array);
  }
}

}  // namespace

TEST_CASE("every op gives as a kernel the bits that the typed interpreter gives") {
  for (const OpExample& e : every_op()) {
    if (has_structure(e.graph)) continue;
    for (std::int64_t rows : {3, 17})
      for (bool fused : {true, false}) check_example(e, rows, rows == 3 ? 16 : 32, fused);
  }
}

TEST_CASE("every op gives the bits of the typed interpreter in every dtype") {
  for (const OpExample& e : every_op_and_dtype()) {
    if (has_structure(e.graph)) continue;
    check_example(e, 9, 32, true);
    check_example(e, 4, 64, false);
  }
}

}  // namespace uwaga::test
