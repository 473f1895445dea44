// Sums of many terms to few results: divided, so that every thread has a task, with the bits of undivided ones.
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/passes.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/counted_tasks.h"

namespace uwaga::test {
namespace {

constexpr int kThreads = 16;

void check(const Graph& graph) {
  const Graph g = expand(graph);
  CHECK(fuse(g, {.sums_beside_rows = true}).clusters.size() == 1);
  const Drawn given = draw(g, {}, 5);
  const Results want = interpret(g, given.inputs, given.parameters, Mode::typed);
  const CountedRun one = run_counted(g, given.inputs, wide(1)), many = run_counted(g, given.inputs, wide(kThreads));
  for (const auto& [name, array] : want.outputs) {
    INFO("output " << name);
    check_bits(one.outputs.at(name), array);
    check_bits(many.outputs.at(name), array);
  }
  CHECK(one.most_tasks < kThreads);
  CHECK(many.most_tasks >= kThreads);
}

std::size_t kernels(const Axes& axes, const Axes& over, int threads) {
  Graph g;
  g->add_output("y", sum(g.input("x", f32, axes), over).value());
  const Clustering c = fuse(g);
  return schedule_for_host(g, c.clusters.at(0), choose_layouts(g, c), wide(threads)).kernels.size();
}

}  // namespace

TEST_CASE("long sums along few rows have a task a thread, and the same bits") {
  for (const DType d : {f32, f64, bf16, f16, i32}) {
    INFO(name(d));
    Graph g;
    const Tensor x = g.input("x", d, {Axis("row", 2), Axis("n", 150001)});
    g->add_output("y", (sum(x * x, {"n"}) + g.input("bias", d, {Axis("row", 2)})).value());
    check(g);
  }
}

TEST_CASE("long sums down few columns have a task a thread, and the same bits") {
  for (const DType d : {f32, f64, bf16, f16, i32}) {
    INFO(name(d));
    Graph g;
    const Tensor x = g.input("x", d, {Axis("n", 70001), Axis("column", 5)});
    g->add_output("y", (sum(x * x, {"n"}) + g.input("bias", d, {Axis("column", 5)})).value());
    check(g);
  }
}

// Columns of several matrices; a whole piece of them; several, of which the last has a part.
TEST_CASE("long sums down columns divide whatever their number") {
  struct Shape {
    std::int64_t matrices, terms, columns;
  };
  for (const Shape s : {Shape{3, 60001, 3}, {1, 65600, 32}, {1, 33000, 67}}) {
    INFO(s.columns << " columns");
    Graph g;
    const Tensor x = g.input("x", f32, {Axis("matrix", s.matrices), Axis("n", s.terms), Axis("column", s.columns)});
    g->add_output("y", sum(x, {"n"}).value());
    check(g);
  }
}

TEST_CASE("a cluster's long sums and maxima are divided together, with what is stored beside them") {
  for (const bool down : {false, true}) {
    INFO((down ? "down" : "along"));
    Graph g;
    const Axis few("few", 3), n("n", 170001);
    const Tensor x = g.input("x", f32, down ? Axes{n, few} : Axes{few, n}), y = exp(x);
    const Tensor total = sum(y, {n}), most = reduce_max(x, {n});
    g->add_output("terms", y.value());
    g->add_output("sum", total.value());
    g->add_output("max", most.value());
    g->add_output("both", (total * most + 1.0).value());
    check(g);
  }
}

TEST_CASE("terms of long sums count in the order in which the sum names its axes") {
  Graph g;
  const Axis row("row", 2), a("a", 300), b("b", 501);
  const Tensor x = g.input("x", f32, {row, a, b});
  g->add_output("y", sum(x, {b, a}).value());
  check(g);
  Graph across;
  const Tensor turned = order(across.input("x", f32, {a, b, Axis("few", 3)}), {"few", "a", "b"});
  across->add_output("y", sum(turned, {a, b}).value());
  check(across);
}

TEST_CASE("passes over few long rows are divided one by one, and have the same bits") {
  Graph g;
  const Axis row("row", 2), n("n", 150001);
  const Tensor x = g.input("x", f32, {row, n}), p = softmax(x, n);
  g->add_output("softmax", p.value());
  g->add_output("norm", sqrt(sum(p * p, {n})).value());
  check(g);
  Graph narrow;
  const Tensor h = narrow.input("x", bf16, {row, n}), centred = h - mean(h, {n});
  narrow->add_output("deviation", sqrt(mean(centred * centred, {n})).value());
  check(narrow);
}

// Of many equal elements, the first.
TEST_CASE("an argmax of few long rows has a task a thread, and the same indices") {
  const Axis few("few", 2), n("n", 150001);
  for (const DType d : {f32, bf16, i32})
    for (const bool down : {false, true}) {
      INFO(name(d) << (down ? ", down" : ", along"));
      Graph g;
      g->add_output("y", argmax(g.input("x", d, down ? Axes{n, few} : Axes{few, n}), n).value());
      check(g);
    }
  Graph one;
  one->add_output("y", argmax(abs(one.input("x", f32, {n})), n).value());
  check(one);
}

TEST_CASE("sums are divided where that gives idle threads enough to do") {
  const Axis n("n", 1 << 18), short_n("short", 1 << 16), few("few", 2);
  CHECK(kernels({few, n}, {n}, 2) == 1);
  CHECK(kernels({few, n}, {n}, 8) == 2);
  CHECK(kernels({few, short_n}, {short_n}, 8) == 1);
  CHECK(kernels({n, few}, {n}, 1) == 1);
  CHECK(kernels({n, few}, {n}, 2) == 2);
  CHECK(kernels({short_n, few}, {short_n}, 8) == 1);
  // As many tasks as keep a memory busy.
  CHECK(kernels({n, Axis("column", 768)}, {n}, 64) == 1);
  // Of unknown length or number.
  CHECK(kernels({few, Axis("any")}, {"any"}, 8) == 1);
  CHECK(kernels({Axis("any"), n}, {n}, 8) == 1);
  CHECK(kernels({n, Axis("any")}, {n}, 8) == 1);
}

// The sums of their blocks are more than one block.
TEST_CASE("sums of more than 4,096 blocks are always divided") {
  const Axis n("n", (1 << 24) + 1), few("few", 2);
  CHECK(kernels({few, n}, {n}, 1) == 2);
  CHECK(kernels({n, few}, {n}, 1) == 2);
  CHECK(kernels({Axis("any"), n}, {n}, 1) == 2);
}

}  // namespace uwaga::test
