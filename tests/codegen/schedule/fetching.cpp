// What products and sums down columns fetch ahead, on the host.
#include <set>
#include <string>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"

namespace uwaga::test {
namespace {

// `where`: everywhere, or only in routines, where the products are.
enum class Where : std::uint8_t { everywhere, in_routines };
void add_fetched(const std::vector<kernel::Stmt>& body, Where where, std::set<kernel::BufferId>& out) {
  for (const kernel::Stmt& s : body) {
    if (s.kind == kernel::StmtKind::prefetch && where == Where::everywhere) out.insert(s.buffer);
    const Where inside = s.kind == kernel::StmtKind::routine ? Where::everywhere : where;
    add_fetched(s.body, inside, out);
    add_fetched(s.otherwise, inside, out);
  }
}

// What the only kernel of a graph fetches, by name, "y" among them for the result.
std::set<std::string> fetched(const Graph& g, Where where = Where::everywhere, const HostTarget& target = {}) {
  const Clustering clustering = fuse(g);
  REQUIRE(clustering.clusters.size() == 1);
  const Schedule s = schedule_for_host(g, clustering.clusters[0], choose_layouts(g, clustering), target);
  std::set<kernel::BufferId> buffers;
  add_fetched(s.kernels.at(0).kernel.body, where, buffers);
  std::set<std::string> names;
  for (kernel::BufferId id : buffers) {
    const Node& n = g->node(s.kernels[0].buffers.at(id).node);
    names.insert(n.op == Op::input ? n.as<InputAttrs>().name : "y");
  }
  return names;
}

// x w + b + r, of `terms` terms.
std::set<std::string> fetched(std::int64_t terms, bool transposed, std::int64_t rows = 96, Where where = Where::everywhere) {
  const Axis row("row", rows), in("in", terms), out("out", 64);
  Graph g;
  const Tensor x = transposed ? g.input("x", f32, {in, row}) : g.input("x", f32, {row, in});
  const Tensor w = g.input("w", f32, {in, out}), b = g.input("b", f32, {out}), r = g.input("r", f32, {row, out});
  g->add_output("y", (dot(x, w, {in}) + b + r).value());
  return fetched(g, where);
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("a product fetches what it packs and what its epilogue reads and writes, but not a row that all rows read") {
  CHECK(fetched(128, false) == Names{"w", "r", "y"});
  CHECK(fetched(128, true) == Names{"w", "r", "y"});
  CHECK(fetched(128, true, 1024) == Names{"x", "w", "r", "y"});
  CHECK(fetched(1024, false) == Names{"w", "r", "y"});
}

TEST_CASE("what is packed next is fetched in step with the products, and not all at once") {
  CHECK(fetched(1024, false, 96, Where::in_routines) == Names{"w"});
}

TEST_CASE("a product fetches the rows that it computes and packs, and leaves those in place to the processor") {
  const Axis row("row", 96), in("in", 128), out("out", 64);
  Graph g;
  const Tensor x = g.input("x", bf16, {row, in}), w = g.input("w", f32, {in, out});
  g->add_output("y", dot(cast(x, f32), w, {in}).value());
  CHECK(fetched(g) == Names{"x", "w", "y"});
}

TEST_CASE("a product of few terms does not fetch what its epilogue takes: nothing would hide it") {
  CHECK(fetched(16, false) == Names{"w"});
}

TEST_CASE("a product of one row fetches what it widens, and leaves what it takes as it is to the processor") {
  const auto one_row = [](DType d, const HostTarget& target = {}) {
    const Axis row("row", 1), in("in", 256), out("out", 64);
    Graph g;
    const Tensor x = g.input("x", f32, {row, in}), w = g.input("w", d, {in, out});
    g->add_output("y", dot(x, cast(w, f32), {in}).value());
    return fetched(g, Where::everywhere, target);
  };
  CHECK(one_row(bf16) == Names{"w"});
  CHECK(one_row(f32) == Names{});
  HostTarget sees_little;
  sees_little.tuning.stream_ahead_bytes = 2048;
  CHECK(one_row(f32, sees_little) == Names{"w"});
}

TEST_CASE("a loop fetches several large streams ahead where the table says so") {
  HostTarget target;
  target.tuning.stream_ahead_bytes = 2048;
  const auto streams = [](const Axis& n, bool three, const HostTarget& on) {
    Graph g;
    const Axis m("m", 64);
    const Tensor x = g.input("x", f32, {n, m}), w = g.input("w", f32, {m, n}), r = g.input("r", bf16, {n, m}), row = g.input("row", f32, {m});
    g->add_output("y", (x * row + (three ? order(w, {n, m}) : x) - cast(r, f32)).value());
    return fetched(g, Where::everywhere, on);
  };
  const Axis large("n", 1 << 14), small("n", 1 << 10), open("n");
  CHECK(streams(large, true, {}) == Names{});
  CHECK(streams(large, true, target) == Names{"x", "r"});  // w's elements lie across
  CHECK(streams(large, false, target) == Names{});
  CHECK(streams(small, true, target) == Names{});
  CHECK(streams(open, true, target) == Names{});
}

TEST_CASE("a sum down columns fetches rows ahead") {
  const Axis row("row", 96), column("column", 64);
  Graph g;
  const Tensor x = g.input("x", f32, {row, column}), w = g.input("w", f32, {row});
  g->add_output("y", sum(x * w, {row}).value());
  CHECK(fetched(g) == Names{"x"});
}

}  // namespace uwaga::test
