// Gradients of embeddings: rows added up into a table of zeros, each row of the table written once.
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

Graph gradient(std::int64_t words, std::int64_t updates, std::int64_t columns, DType dtype) {
  Graph g;
  const Axis word("word", words), row("row", updates), column("column", columns);
  const Tensor zero = broadcast(constant(g, 0.5, dtype), {{"word", words}, {"column", columns}});
  g->add_output("y", scatter_add(zero, g.input("ids", i32, {Axis("batch", 2), row}), g.input("dy", dtype, {Axis("batch", 2), row, column}), word).value());
  return g;
}

ClusterRun run(const Graph& g, int vector_bytes, std::int64_t index_limit, Drawn& given) {
  given = draw(g, {}, 5, -2, 2, index_limit);
  HostTarget target;
  target.vector_bytes = vector_bytes;
  return run_clusters(g, given.inputs, given.parameters, {}, target);
}

}  // namespace

TEST_CASE("rows added into a table of numbers are added in the order of their indices") {
  for (DType dtype : {f32, bf16})
    for (std::int64_t words : {1, 7, 60})
      for (std::int64_t updates : {1, 40})
        for (std::int64_t columns : {2, 5, 64, 100})
          for (int bytes : {16, 32, 64}) {
            INFO(updates << " rows of " << columns << " " << name(dtype) << " into " << words << ", vectors of " << bytes << " bytes");
            const Graph g = gradient(words, updates, columns, dtype);
            Drawn given;
            const ClusterRun have = run(g, bytes, words, given);
            CHECK_FALSE(have.failed);
            CHECK(have.kernels == 2);
            check_bits(have.outputs.at("y"), interpret(g, given.inputs, given.parameters, Mode::typed).outputs.at("y"));
          }
}

TEST_CASE("a row that the table has not is told") {
  const Graph g = gradient(3, 40, 8, f32);
  Drawn given;
  CHECK(run(g, 32, 5, given).failed);
}

}  // namespace uwaga::test
