// Products that are cut so that every thread has a task: the same bits, enough tasks.
#include <algorithm>
#include <string>
#include <vector>

#include <uwaga/codegen/kernel/launch.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

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

struct Run {
  Array y;
  std::int64_t most_tasks = 0;  // of a kernel
};

Run run(const Graph& g, const Arrays& inputs, const HostTarget& target) {
  Run r;
  const KernelRunner interpreter = kernel_interpreter();
  const KernelRunner counting = [&](const kernel::Kernel& k, const auto& buffers, const auto& arguments, std::uint64_t* error, bool first) {
    r.most_tasks = std::max(r.most_tasks, kernel::task_count(k, arguments));
    interpreter(k, buffers, arguments, error, first);
  };
  r.y = run_clusters(g, inputs, {}, {}, target, counting).outputs.at("y");
  return r;
}

HostTarget wide(int threads) {
  HostTarget target;
  target.vector_bytes = 64;
  target.registers = 32;
  target.threads = threads;
  return target;
}

void check(const Shape& s, DType dtype, HostTarget target) {
  for (const int threads : {3, 16}) {
    INFO(s.rows << " x " << s.terms << " x " << s.columns << " of " << name(dtype) << (s.across ? ", across, " : ", ") << threads << " threads");
    const Graph g = product(s, dtype);
    const Drawn given = draw(g, {}, 5);
    const Run one = run(g, given.inputs, target);
    target.threads = threads;
    const Run many = run(g, given.inputs, target);
    target.threads = 1;
    check_bits(many.y, one.y);
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
      const Run one = run(g, given.inputs, wide(1)), many = run(g, given.inputs, wide(8));
      check_bits(many.y, one.y);
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

TEST_CASE("products in tile registers have a task a thread, and the same bits") {
  HostTarget tiles = wide(1);
  tiles.bf16_dot = tiles.amx = true;
  const Graph g = product({256, 64, 256}, bf16);
  const Drawn given = draw(g, {}, 5);
  const Run one = run(g, given.inputs, tiles);
  tiles.threads = 16;
  const Run many = run(g, given.inputs, tiles);
  check_bits(many.y, one.y);
  CHECK(many.most_tasks >= 16);
  CHECK(one.most_tasks < 16);
}

}  // namespace uwaga::test
