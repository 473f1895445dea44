// Products whose sums are stored as they leave the registers, and those that need a copy of them first.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

bool stores(const std::vector<kernel::Stmt>& body, kernel::BufferId to, bool routine) {
  return std::any_of(body.begin(), body.end(), [&](const kernel::Stmt& s) {
    const bool inside = routine || s.kind == kernel::StmtKind::routine;
    return (inside && s.kind == kernel::StmtKind::store && s.buffer == to) || stores(s.body, to, inside) || stores(s.otherwise, to, inside);
  });
}

// Does the innermost loop of the only kernel store results?
bool stores_at_once(const Graph& g) {
  const Clustering clustering = fuse(g);
  REQUIRE(clustering.clusters.size() == 1);
  const Schedule s = schedule_for_host(g, clustering.clusters[0], choose_layouts(g, clustering), HostTarget{});
  const kernel::Kernel& k = s.kernels.at(0).kernel;
  for (std::size_t b = 0; b < k.buffers.size(); ++b)
    if (k.buffers[b].space == kernel::Space::global && k.buffers[b].written && stores(k.body, static_cast<kernel::BufferId>(b), false)) return true;
  return false;
}

struct Shape {
  Axis row, in, out;
  Sizes sizes;
};

// x [row in], w [in out]; across: [in row], [out in].
Tensor product(Graph& g, const Shape& s, bool x_across, bool w_across = false) {
  const Tensor x = x_across ? g.input("x", f32, {s.in, s.row}) : g.input("x", f32, {s.row, s.in});
  return dot(x, w_across ? g.input("w", f32, {s.out, s.in}) : g.input("w", f32, {s.in, s.out}), {s.in});
}

}  // namespace

TEST_CASE("sums of whole tiles with nothing after them are stored at once") {
  const Shape s{Axis("row", 96), Axis("in", 512), Axis("out", 96), {}};
  Graph plain, across, added, rounded;
  plain->add_output("y", product(plain, s, false).value());
  CHECK(stores_at_once(plain));
  across->add_output("y", product(across, s, true).value());
  CHECK(stores_at_once(across));
  added->add_output("y", (product(added, s, false) + 1.0).value());
  CHECK_FALSE(stores_at_once(added));
  rounded->add_output("y", cast(product(rounded, s, false), bf16).value());
  CHECK_FALSE(stores_at_once(rounded));
}

TEST_CASE("products give the typed interpreter's bits whether their tiles are whole, hang over an edge, or both") {
  // Tasks of whole tiles only, rows or columns too many, several blocks of terms, none; sizes that are known and that are not.
  for (const auto& [rows, terms, columns] : std::vector<std::array<std::int64_t, 3>>{
           {96, 300, 96}, {97, 300, 96}, {96, 300, 100}, {13, 513, 49}, {400, 260, 48}, {24, 1030, 192}, {24, 512, 190}, {17, 0, 48}})
    for (const bool is_static : {true, false})
      for (const auto& [x_across, w_across] : {std::pair(false, false), {true, false}, {false, true}}) {
        INFO(rows << " x " << terms << " x " << columns << (is_static ? "" : ", symbolic") << (x_across ? ", x across" : w_across ? ", w across" : ""));
        const auto axis = [&](const char* name, std::int64_t extent) { return is_static ? Axis(name, extent) : Axis(name); };
        Shape s{axis("row", rows), axis("in", terms), Axis("out", columns), {}};
        if (!is_static) s.sizes = {{"row", rows}, {"in", terms}};
        Graph g;
        g->add_output("y", product(g, s, x_across, w_across).value());
        const Drawn given = draw(g, s.sizes, 3);
        const Results want = interpret(g, given.inputs, {}, Mode::typed);
        for (const int vector_bytes : {32, 64}) {
          HostTarget target;
          target.vector_bytes = vector_bytes;
          target.registers = vector_bytes == 64 ? 32 : 16;
          check_bits(run_clusters(g, given.inputs, {}, s.sizes, target).outputs.at("y"), want.outputs.at("y"));
        }
      }
}

}  // namespace uwaga::test
