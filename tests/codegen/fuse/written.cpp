// Updates that append rows to their slot: the rows are stored, and nothing of the slot is.
#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/fuse/written.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>

#include "tests/catch.h"

namespace uwaga::test {
namespace {

const Axis kKey("key", 8), kDepth("depth", 3);

struct Cache {
  Graph graph;
  Tensor slot, rows;
  Extent past = Extent::symbol("past");
};
Cache cache() {
  Graph g;
  const Tensor slot = g.scope().state("cache", {kKey, kDepth}, zeros());
  return {g, slot, exp(g.input("rows", f32, {{"key", Extent::symbol("new")}, kDepth}))};
}
Written written(const Cache& c, const Tensor& value) {
  update(c.slot, value);
  return written_by(c.graph.data(), c.graph->updates()[0]);
}

}  // namespace

TEST_CASE("of an update that keeps all rows but some, only these are written") {
  const Cache c = cache();
  const Extent end = c.past + c.rows.extent("key");
  const Written w = written(c, concat({slice(c.slot, kKey, 0, c.past), c.rows, slice(c.slot, kKey, end, 8)}, kKey));
  CHECK(w.value == c.rows.value());
  REQUIRE(w.first_row);
  CHECK(*w.first_row == c.past);
  const Clustering clusters = fuse(c.graph);
  REQUIRE(clusters.clusters.size() == 1);
  CHECK(clusters.clusters[0].outputs == std::vector<Value>{c.rows.value()});
}

TEST_CASE("rows at the slot's beginning and end are appended too") {
  const Cache first = cache();
  const Written a = written(first, concat({first.rows, slice(first.slot, kKey, first.rows.extent("key"), 8)}, kKey));
  REQUIRE(a.first_row);
  CHECK(*a.first_row == Extent(0));
  const Cache last = cache();
  const Extent start = Extent(8) - last.rows.extent("key");
  const Written b = written(last, concat({slice(last.slot, kKey, 0, start), last.rows}, kKey));
  REQUIRE(b.first_row);
  CHECK(*b.first_row == start);
}

TEST_CASE("rows are those along any axis of the slot") {
  Graph g;
  const Tensor slot = g.scope().state("cache", {kDepth, kKey}, zeros()), rows = exp(g.input("rows", f32, {kDepth, {"key", 2}}));
  update(slot, concat({slice(slot, kKey, 0, 3), rows, slice(slot, kKey, 5, 8)}, kKey));
  const Written w = written_by(g.data(), g->updates()[0]);
  CHECK(w.value == rows.value());
  CHECK(w.axis == "key");
  REQUIRE(w.first_row);
  CHECK(*w.first_row == Extent(3));
}

TEST_CASE("what moves the rows it keeps, or keeps another slot's, is written as a whole") {
  const Cache moved = cache();
  const Extent n = moved.rows.extent("key");
  CHECK_FALSE(written(moved, concat({slice(moved.slot, kKey, n, 8), moved.rows}, kKey)).first_row);
  const Cache two = cache();
  const Extent end = two.past + two.rows.extent("key");
  const Tensor half = slice(two.slot, kKey, 0, two.past);
  CHECK_FALSE(written(two, concat({half, two.rows, slice(two.slot * 2.0, kKey, end, 8)}, kKey)).first_row);
  Cache other = cache();
  const Tensor stranger = other.graph.scope().state("other", {kKey, kDepth}, zeros());
  CHECK_FALSE(written(other, concat({slice(stranger, kKey, 0, other.past), other.rows, slice(other.slot, kKey, other.past + other.rows.extent("key"), 8)}, kKey)).first_row);
}

}  // namespace uwaga::test
