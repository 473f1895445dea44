// Products whose operands a kernel of their own packs, for all tasks of the one that multiplies.
#include <algorithm>
#include <string>
#include <vector>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

struct Shape {
  std::int64_t rows, terms, columns;
  bool x_across, w_across;
  std::size_t operands;  // that are packed once
};

// x [row in], w [in out]; across: [in row], [out in].
void product(Graph& g, const Shape& s, DType dtype, bool knows_terms, bool adds) {
  const Axis row("row", s.rows), out("out", s.columns), in = knows_terms ? Axis("in", s.terms) : Axis("in");
  const Tensor x = s.x_across ? g.input("x", dtype, {in, row}) : g.input("x", dtype, {row, in});
  const Tensor w = s.w_across ? g.input("w", dtype, {out, in}) : g.input("w", dtype, {in, out});
  const Tensor y = dot(x, w, {in}, f32);
  g->add_output("y", (adds ? y + 1.0 : y).value());
}

// Which packs once however small a product is, and gives a few panels to a task.
HostTarget packing_once(int bytes) {
  HostTarget target = with_vectors(bytes);
  target.tuning.once_results = 1;
  target.tuning.task_columns = 64;
  return target;
}

Schedule schedule_of(const Graph& g, const HostTarget& target) {
  const Clustering clustering = fuse(g);
  REQUIRE(clustering.clusters.size() == 1);
  return schedule_for_host(g, clustering.clusters[0], choose_layouts(g, clustering), target);
}

// Rows that lie one after the other, in tiles that are whole, hang over an edge, or have more rows than half a vector; several blocks of
// terms; many rows, for columns that are whole, hang over an edge, or lie across; both, of few terms or none, where nobody knows how many.
const std::vector<Shape> kShapes{
    {96, 300, 192, true, false, 1},   {97, 1030, 200, true, false, 1}, {100, 1030, 256, true, false, 1}, {1200, 260, 48, false, false, 1},
    {1201, 513, 52, false, false, 1}, {1200, 272, 50, false, true, 1}, {1200, 301, 48, false, true, 1},  {1160, 21, 580, true, false, 2},
    {96, 0, 192, true, false, 1},
};

}  // namespace

TEST_CASE("operands that many tasks multiply are packed once, with the typed interpreter's bits", "[slow]") {
  for (const Shape& s : kShapes)
    for (const bool knows_terms : {true, false})
      for (const int vector_bytes : {32, 64}) {
        if (knows_terms && s.terms < 256) continue;
        INFO(s.rows << " x " << s.terms << " x " << s.columns << (knows_terms ? "" : ", symbolic") << ", vectors of " << vector_bytes);
        Graph g;
        // Rows of f32 that lie one after the other are read as they lie (as_it_lies.cpp); those that are widened are packed.
        product(g, s, s.x_across ? bf16 : f32, knows_terms, false);
        const Sizes sizes = knows_terms ? Sizes() : Sizes{{"in", s.terms}};
        const HostTarget target = packing_once(vector_bytes);
        const Schedule schedule = schedule_of(g, target);
        CHECK(schedule.kernels.size() == 2);
        CHECK(schedule.temporaries.size() == s.operands);
        const Drawn given = draw(g, sizes, 3);
        check_bits(run_clusters(g, given.inputs, {}, sizes, target).outputs.at("y"), interpret(g, given.inputs, {}, Mode::typed).outputs.at("y"));
      }
}

TEST_CASE("pairs of bf16 that are packed once, odd ones too, give the bits of those that every task packs") {
  for (const Shape& s : {Shape{100, 1029, 256, true, false, 1}, {1160, 21, 620, true, false, 2}, {1200, 301, 48, false, true, 1}})
    for (const bool knows_terms : {true, false})
      for (const bool adds : {false, true}) {
        if (knows_terms && s.terms < 256) continue;
        INFO(s.rows << " x " << s.terms << " x " << s.columns << (knows_terms ? "" : ", symbolic") << (adds ? ", added to" : ""));
        Graph g;
        product(g, s, bf16, knows_terms, adds);
        const Sizes sizes = knows_terms ? Sizes() : Sizes{{"in", s.terms}};
        HostTarget target = packing_once(64);
        target.bf16_dot = true;
        CHECK(schedule_of(g, target).temporaries.size() == s.operands);
        const Drawn given = draw(g, sizes, 3);
        const Array once = run_clusters(g, given.inputs, {}, sizes, target).outputs.at("y");
        target.tuning.once_results = std::int64_t{1} << 40;
        CHECK(schedule_of(g, target).kernels.size() == 1);
        check_bits(once, run_clusters(g, given.inputs, {}, sizes, target).outputs.at("y"));
      }
}

// Tiles of whole rows and terms, ones that hang over an edge, several blocks of terms.
TEST_CASE("rows that tile registers would turn over for every task across are turned over once, with the same bits") {
  for (const Shape& s : {Shape{96, 320, 160, true, false, 1}, {97, 301, 170, true, false, 1}, {33, 2101, 150, true, true, 1}})
    for (const int vector_bytes : {32, 64}) {
      const bool knows_terms = vector_bytes == 64;
      INFO(s.rows << " x " << s.terms << " x " << s.columns << (knows_terms ? "" : ", symbolic") << ", vectors of " << vector_bytes);
      Graph g;
      product(g, s, bf16, knows_terms, true);
      const Sizes sizes = knows_terms ? Sizes() : Sizes{{"in", s.terms}};
      HostTarget target = packing_once(vector_bytes);
      target.bf16_dot = target.amx = true;
      target.threads = 2;
      CHECK(schedule_of(g, target).temporaries.size() == s.operands);
      const Drawn given = draw(g, sizes, 3);
      const Array once = run_clusters(g, given.inputs, {}, sizes, target).outputs.at("y");
      // The same product of rows that lie along the terms, which no task turns over.
      Graph along;
      Shape lies = s;
      lies.x_across = false;
      product(along, lies, bf16, knows_terms, true);
      CHECK(schedule_of(along, target).kernels.size() == 1);
      Arrays inputs = given.inputs;
      inputs.at("x") = inputs.at("x").reordered({"row", "in"});
      check_bits(once, run_clusters(along, inputs, {}, sizes, target).outputs.at("y"));
    }
}

TEST_CASE("small products, few tasks and products of a batch pack their operands themselves") {
  Graph small, few, batch;
  product(small, {96, 300, 192, true, false, 0}, bf16, true, false);
  HostTarget target = packing_once(64);
  target.tuning.once_results = Tuning().once_results;
  CHECK(schedule_of(small, target).kernels.size() == 1);
  product(few, {96, 300, 96, true, false, 0}, bf16, true, false);
  CHECK(schedule_of(few, packing_once(64)).kernels.size() == 1);
  const Axis b("b", 2), row("row", 96), in("in", 300), out("out", 192);
  batch->add_output("y", dot(batch.input("x", bf16, {b, in, row}), batch.input("w", bf16, {b, in, out}), {in}, f32).value());
  CHECK(schedule_of(batch, packing_once(64)).kernels.size() == 1);
}

}  // namespace uwaga::test
