// Products that are cut so that every thread has a task: the same bits, enough tasks.
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/counted_tasks.h"

namespace uwaga::test {
namespace {

struct Shape {
  std::int64_t rows, terms, columns;
  bool across = false;  // w [out in] instead of [in out]
};

Graph product(const Shape& s, DType dtype) {
  Graph g;
  const Axis row("row", s.rows), in("in", s.terms), out("out", s.columns);
  const Tensor x = g.input("x", dtype, {row, in});
  const Tensor w = s.across ? g.input("w", dtype, {out, in}) : g.input("w", dtype, {in, out});
  g->add_output("y", (dot(x, w, {in}, f32) + 1.0).value());
  return g;
}

void check(const Shape& s, DType dtype, HostTarget target) {
  for (const int threads : {3, 16}) {
    INFO(s.rows << " x " << s.terms << " x " << s.columns << " of " << name(dtype) << (s.across ? ", across, " : ", ") << threads << " threads");
    const Graph g = product(s, dtype);
    const Drawn given = draw(g, {}, 5);
    const CountedRun one = run_counted(g, given.inputs, target);
    target.threads = threads;
    const CountedRun many = run_counted(g, given.inputs, target);
    target.threads = 1;
    check_bits(many.outputs.at("y"), one.outputs.at("y"));
    CHECK(one.most_tasks < 16);
    CHECK(many.most_tasks >= threads);
  }
}

}  // namespace

// Terms that tasks divide, columns that they do, and both; the last piece of columns less than a panel.
TEST_CASE("products of few rows have a task a thread, and the same bits") {
  for (const DType d : {f32, bf16}) {
    check({1, 530, 2040}, d, wide(1));
    check({2, 530, 1000}, d, wide(1));
  }
  for (const Shape& s : {Shape{1, 40, 1100}, {3, 40, 1030}})
    for (const DType d : {f32, bf16}) {
      const Graph g = product(s, d);
      const Drawn given = draw(g, {}, 5);
      const CountedRun one = run_counted(g, given.inputs, wide(1)), many = run_counted(g, given.inputs, wide(8));
      check_bits(many.outputs.at("y"), one.outputs.at("y"));
      CHECK(many.most_tasks > one.most_tasks);
    }
  check({1, 70, 1020, true}, f32, wide(1));
  check({1, 70, 1020, true}, bf16, wide(1));
}

TEST_CASE("products of many rows have a task a thread, and the same bits") {
  for (const bool across : {false, true}) {
    check({200, 20, 250, across}, f32, wide(1));
    check({392, 20, 70, across}, f32, wide(1));
    HostTarget pairs = wide(1);
    pairs.bf16_dot = true;
    check({200, 21, 250, across}, bf16, pairs);
  }
}

TEST_CASE("several threads have two tasks each of a product that is wide or high enough") {
  for (const Shape& s : {Shape{256, 20, 128}, {96, 20, 512}}) {
    INFO(s.rows << " x " << s.terms << " x " << s.columns);
    const Graph g = product(s, f32);
    const Drawn given = draw(g, {}, 5);
    HostTarget target = wide(1);
    target.tuning.task_rows = 256;
    const CountedRun one = run_counted(g, given.inputs, target);
    target.threads = 2;
    const CountedRun two = run_counted(g, given.inputs, target);
    check_bits(two.outputs.at("y"), one.outputs.at("y"));
    CHECK(two.most_tasks >= 4);
  }
}

TEST_CASE("products in tile registers have a task a thread, and the same bits") {
  HostTarget tiles = wide(1);
  tiles.bf16_dot = tiles.amx = true;
  const Graph g = product({256, 64, 256}, bf16);
  const Drawn given = draw(g, {}, 5);
  const CountedRun one = run_counted(g, given.inputs, tiles);
  tiles.threads = 16;
  const CountedRun many = run_counted(g, given.inputs, tiles);
  check_bits(many.outputs.at("y"), one.outputs.at("y"));
  CHECK(many.most_tasks >= 16);
  CHECK(one.most_tasks < 16);
}

}  // namespace uwaga::test
