// What the graph says of indices: true only where every input bears it out.
#include <uwaga/ir/in_range.h>

#include <functional>

#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const Axis rows{"rows"}, cols{"cols", 5}, places{"places", 100};

struct Case {
  const char* what;
  std::function<Tensor(Graph&)> index;
  Extent below, not_below;  // of the latter nothing is said
};

Tensor any(Graph& g) { return g.input("x", i32, {cols}); }

}  // namespace

TEST_CASE("An index is known to be in range where the graph shows it") {
  const Extent n = Extent::symbol("rows");
  const Case cases[] = {
      {"numbers of elements", [](Graph& g) { return iota(g, cols, i32); }, 5, 4},
      {"of an extent known when it runs", [](Graph& g) { return iota(g, rows, i64); }, n, n - 1},
      {"what is clamped", [](Graph& g) { return max(min(any(g), 6), 0); }, 7, 6},
      {"what is clamped the other way round", [](Graph& g) { return min(max(any(g), 0), 6); }, 7, 6},
      {"clipped distances", [](Graph& g) { return min(max(any(g), -8), 8) + 8; }, 17, 16},
      {"constants less these", [](Graph& g) { return min(max(any(g), -8), 8) - (-8); }, 17, 16},
      {"choices", [](Graph& g) { return select(any(g) < 0, 0, iota(g, cols, i32) + 3); }, 8, 7},
      {"where the largest is", [](Graph& g) { return argmax(g.input("y", f32, {rows, places}), places); }, 100, 99},
      {"counts of what is true", [](Graph& g) { return cumsum(cast(any(g) < 3, i32), cols); }, 6, 5},
      {"parts, in other order and shape", [](Graph& g) {
         return split(reverse(slice(iota(g, places, i32), places, 10, 20), Axis{"places"}), Axis{"places"}, {Axis{"a", 2}, Axis{"b", 5}});
       }, 100, 99},
      {"the last of an extent", [&](Graph& g) {
         const Tensor all = iota(g, Axis{"all", n + 1}, i32);
         const Tensor x = any(g);
         return max(min(broadcast_like(sum(slice(all, Axis{"all"}, n, n + 1), {Axis{"all"}}), x), x), 0);
       }, n + 1, n},
      {"tables", [](Graph& g) { return constant(g, std::vector<Literal>{4, 0, 2, 1, 3}, i32, {cols}); }, 5, 4},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    Graph g;
    const Tensor index = c.index(g);
    CHECK(is_index_below(g.data(), index.value(), c.below));
    CHECK(is_index_below(g.data(), index.value(), c.below + n));
    CHECK_FALSE(is_index_below(g.data(), index.value(), c.not_below));
  }
}

TEST_CASE("Of other indices nothing is said") {
  Graph g;
  const Tensor x = any(g);
  int i = 0;
  for (const Tensor& index : {x, min(x, 6), max(x, 0), x + 1, min(max(x, -1), 3), min(max(x, 0), 3) + x, min(max(x, 0), 3) - 1, rem(x, 4),
                              cumsum(x, cols), sum(cast(x < 3, i32), {cols}), cast(cast(x, f32), i32), select(x < 3, x, 0)}) {
    INFO("the " << i++ << "th");
    CHECK_FALSE(is_index_below(g.data(), index.value(), 7));
  }
  CHECK_FALSE(is_index_below(g.data(), iota(g, rows, i32).value(), 7));  // however many rows there are
}

TEST_CASE("What wraps in a narrow dtype is in no range") {
  Graph g;
  const Tensor byte = g.input("x", i8, {cols}), clipped = max(min(g.input("y", i32, {cols}), 199), 0);
  const Axis many{"many", 200};
  for (const Tensor& narrow : {cast(clipped, i8), max(min(byte, 100), 0) + 100, iota(g, many, i8), iota(g, rows, i8),
                               cumsum(cast(g.input("z", f32, {many}) < 0.0, i8), many)})
    CHECK_FALSE(is_index_below(g.data(), cast(narrow, i32).value(), 201));
  CHECK(is_index_below(g.data(), cast(max(min(byte, 100), 0) + 20, i32).value(), 121));
  CHECK(is_index_below(g.data(), cast(cast(clipped, u8), i32).value(), 200));
}
