// Graphs whose kernels walk one index over several axes in vectors, and divide it, for tests of schedules and of machine code.
#pragma once

#include <string>
#include <vector>

#include <uwaga/ir/ops.h>

#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

// Sums over axes that lie apart, the last of them whole vectors or not, shorter than a vector, empty; in blocks of terms, by several tasks.
// Indices that begin before all elements.
inline std::vector<SizedGraph> flat_indices() {
  std::vector<SizedGraph> all;
  const auto next = [&](std::string what, Sizes sizes) -> Graph& { return all.emplace_back(SizedGraph{std::move(what), {}, std::move(sizes)}).graph; };
  for (std::int64_t c : {0, 1, 3, 7, 16, 17, 32, 600}) {
    Graph& g = next("sums around rows, c=" + std::to_string(c), {{"c", c}});
    const Tensor x = g.input("x", f32, {Axis("a", 9), Axis("row", 2), Axis("c")});
    g->add_output("sum", sum(x, {"a", "c"}).value());
    g->add_output("max", reduce_max(x * 3.0, {"a", "c"}).value());
    const Tensor costly = x / (x * x + 1.5) / (abs(x) + 1.0);  // kept for the second pass
    g->add_output("apart", (costly - sum(costly, {"a", "c"})).value());
  }
  for (std::int64_t c : {4000, 4001}) {
    Graph& g = next("a sum in blocks, c=" + std::to_string(c), {{"c", c}});
    const Tensor x = g.input("x", f32, {Axis("a", 5), Axis("row", 2), Axis("c")});
    g->add_output("sum", sum(x, {"a", "c"}).value());
  }
  for (std::int64_t depth : {6, 12, 24}) {
    Graph& g = next("padded before it is split, depth=" + std::to_string(depth), {});
    const Tensor x = g.input("x", f32, {Axis("c", 7), Axis("a", 3)});
    const Tensor padded = pad(merge(x * 2.0, {"a", "c"}, Axis("flat")), Axis("flat"), 3, 0);
    g->add_output("y", split(padded, Axis("flat"), {Axis("head", 24 / depth), Axis("depth", depth)}).value());
  }
  return all;
}

}  // namespace uwaga::test
