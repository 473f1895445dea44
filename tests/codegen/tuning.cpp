// The numbers of the table of processors: how they are written, and that no bit depends on them.
#include <uwaga/codegen/tuning.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

TEST_CASE("a processor that is not in the table has the default") {
  CHECK_FALSE(has_tuning("a processor of the future"));
  CHECK(tuning_of("a processor of the future") == Tuning());
}

TEST_CASE("numbers to tune are read and written by name") {
  const Tuning t = changed({}, "task_rows=192,rows_ahead=4");
  CHECK(t.task_rows == 192);
  CHECK(t.rows_ahead == 4);
  CHECK(t.task_columns == Tuning().task_columns);
  CHECK(differences(t) == "task_rows=192,rows_ahead=4");
  CHECK(changed({}, differences(t)) == t);
  CHECK(differences({}).empty());
  CHECK(changed(t, "") == t);
  CHECK_THROWS_WITH(changed({}, "rows=1"), "there is no number 'rows' to tune, but task_rows, task_columns, once_results, steps_ahead, few_rows_bytes, whole_row_bytes, rows_ahead, stream_ahead_bytes");
  CHECK_THROWS_WITH(changed({}, "rows_ahead=0"), "rows_ahead is a whole number from 1 to 1024, not '0'");
  CHECK_THROWS_WITH(changed({}, "rows_ahead"), "rows_ahead is a whole number from 1 to 1024, not ''");
  CHECK_THROWS_WITH(changed({}, "rows_ahead=4x"), "rows_ahead is a whole number from 1 to 1024, not '4x'");
}

TEST_CASE("kernels give the same bits whatever is tuned, from the least a number may be to the most") {
  Graph g;
  const Axis row("row", 70), in("in", 530), out("out", 150), few("few", 3);
  const Tensor x = g.input("x", DType::f32, {row, in}), w = g.input("w", DType::f32, {in, out}), y = g.input("y", DType::f32, {few, in});
  g->add_output("product", dot(x, w, {in}).value());
  g->add_output("gradient", dot(x, dot(x, w, {in}), {row}).value());
  g->add_output("rows", dot(y, w, {in}).value());
  g->add_output("column sums", sum(x, {row}).value());
  const Axis long_row("long", 9000);  // past the caches of the target below
  const Tensor a = g.input("a", DType::f32, {few, long_row}), b = g.input("b", DType::f32, {few, long_row});
  g->add_output("streams", (a * b + g.input("c", DType::f32, {few, long_row})).value());
  const Drawn given = draw(g, {}, 7, -1, 1);
  const auto run = [&](const Tuning& tuning) {
    HostTarget target;
    target.vector_bytes = 64;
    target.registers = 32;
    target.l2_bytes = 1 << 16;
    target.tuning = tuning;
    return run_clusters(g, given.inputs, given.parameters, {}, target).outputs;
  };
  const Arrays want = run({});
  for (const TuningField& f : tuning_fields()) {
    std::vector<std::int64_t> values(f.candidates.begin(), f.candidates.end());
    values.push_back(f.least);
    values.push_back(f.most);
    for (const std::int64_t value : values) {
      INFO(f.name << " = " << value);
      CHECK((f.least <= value && value <= f.most));
      Tuning tuning;
      tuning.*f.value = value;
      for (const auto& [name, array] : run(tuning)) check_bits(array, want.at(name));
    }
  }
}

}  // namespace uwaga::test
