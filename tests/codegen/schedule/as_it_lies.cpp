// Products that read an operand as it lies: an A whose rows are side by side, and a B that the first row of tiles packs.
#include <algorithm>
#include <vector>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

struct Shape {
  std::int64_t rows, terms, columns;
};

// x [in row], w [in out].
void product(Graph& g, const Shape& s, bool knows_terms) {
  const Axis row("row", s.rows), out("out", s.columns), in = knows_terms ? Axis("in", s.terms) : Axis("in");
  g->add_output("y", dot(g.input("x", f32, {in, row}), g.input("w", f32, {in, out}), {in}).value());
}

bool loads(const kernel::Kernel& k, kernel::ExprId id, kernel::BufferId from) {
  if (id == kernel::kNone) return false;
  const kernel::Expr& e = k.expr(id);
  if (kernel::reads_memory(e.kind) && e.index == from) return true;
  return std::any_of(e.args.begin(), e.args.end(), [&](kernel::ExprId a) { return loads(k, a, from); });
}
// In a routine: where the products are.
bool multiplies_in_place(const kernel::Kernel& k, const std::vector<kernel::Stmt>& body, kernel::BufferId from, bool inside = false) {
  return std::any_of(body.begin(), body.end(), [&](const kernel::Stmt& s) {
    const bool here = inside || s.kind == kernel::StmtKind::routine;
    return (here && loads(k, s.value, from)) || multiplies_in_place(k, s.body, from, here) || multiplies_in_place(k, s.otherwise, from, here);
  });
}

struct InPlace {
  bool x = false, w = false;
};
InPlace in_place(const Graph& g, const HostTarget& target) {
  const Clustering clustering = fuse(g);
  REQUIRE(clustering.clusters.size() == 1);
  const Schedule s = schedule_for_host(g, clustering.clusters[0], choose_layouts(g, clustering), target);
  REQUIRE(s.kernels.size() == 1);
  InPlace out;
  for (std::size_t b = 0; b < s.kernels[0].buffers.size(); ++b) {
    const Node& n = g->node(s.kernels[0].buffers[b].node);
    if (n.op == Op::input)
      (n.as<InputAttrs>().name == "x" ? out.x : out.w) =
          multiplies_in_place(s.kernels[0].kernel, s.kernels[0].kernel.body, static_cast<kernel::BufferId>(b));
  }
  return out;
}

}  // namespace

// Tiles and panels that are whole and that hang over an edge, one row, fewer columns than a panel or a vector has, several tasks each way,
// several blocks of terms, their number known and not.
TEST_CASE("operands that are read as they lie give the typed interpreter's bits", "[slow]") {
  for (const Shape& s : {Shape{96, 300, 96}, {97, 300, 100}, {96, 1030, 200}, {410, 257, 48}, {9, 300, 20}, {33, 1024, 7}, {10, 513, 300}})
    for (const bool knows_terms : {true, false})
      for (const int vector_bytes : {16, 32, 64}) {
        INFO(s.rows << " x " << s.terms << " x " << s.columns << (knows_terms ? "" : ", symbolic") << ", vectors of " << vector_bytes);
        Graph g;
        product(g, s, knows_terms);
        const Sizes sizes = knows_terms ? Sizes() : Sizes{{"in", s.terms}};
        const HostTarget target = with_vectors(vector_bytes);
        const InPlace p = in_place(g, target);
        CHECK(p.x);
        CHECK(p.w);
        const Drawn given = draw(g, sizes, 3);
        check_bits(run_clusters(g, given.inputs, {}, sizes, target).outputs.at("y"), interpret(g, given.inputs, {}, Mode::typed).outputs.at("y"));
      }
}

TEST_CASE("rows of terms a page apart are packed beforehand, and so are operands that are widened") {
  Graph page, widened;
  product(page, {1024, 300, 96}, true);
  CHECK_FALSE(in_place(page, with_vectors(64)).x);
  CHECK(in_place(page, with_vectors(64)).w);
  const Axis row("row", 96), in("in", 300), out("out", 96);
  const Tensor x = widened.input("x", bf16, {in, row}), w = widened.input("w", bf16, {in, out});
  widened->add_output("y", dot(cast(x, f32), cast(w, f32), {in}).value());
  CHECK_FALSE(in_place(widened, with_vectors(64)).x);
  CHECK_FALSE(in_place(widened, with_vectors(64)).w);
}

}  // namespace uwaga::test
