// Products so small that tasks divide their terms, for tests of schedule_contraction.
#pragma once

#include <string>
#include <vector>

#include <uwaga/ir/ops.h>

#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

// Every order of operands; rows and columns that tiles and vectors divide, or do not; terms that end inside a block, at its end, or are
// none; known and unknown; a batch; something after the dot that reads others and moves axes; dtypes; results of which a sign is left.
inline std::vector<SizedGraph> divided_products() {
  std::vector<SizedGraph> all;
  const auto add = [&](std::string what, Sizes sizes) -> Graph& { return all.emplace_back(SizedGraph{std::move(what), {}, std::move(sizes)}).graph; };
  const Axis m("m", 23), n("n", 37), k("k");
  for (const bool a_last : {false, true})
    for (const bool b_last : {false, true})
      for (const std::int64_t terms : {0, 1, 512, 1040}) {
        Graph& g = add(std::string(a_last ? "[m k]" : "[k m]") + (b_last ? " [n k]" : " [k n]") + " over " + std::to_string(terms), {{"k", terms}});
        const Tensor x = g.input("x", f32, a_last ? Axes{m, k} : Axes{k, m}), y = g.input("y", f32, b_last ? Axes{n, k} : Axes{k, n});
        g->add_output("c", (dot(x, y, {"k"}) + g.input("bias", f32, {n})).value());
      }
  for (const DType d : {f64, i32, bf16}) {
    Graph& g = add("of " + std::string(name(d)) + ", known terms", {});
    const Axis many("k", 1100), rows("m", 16), columns("n", 48);
    const Tensor x = g.input("x", d, {many, rows}), y = g.input("y", d, {many, columns});
    g->add_output("c", dot(x, y, {"k"}).value());
  }
  {
    Graph& g = add("of a batch, turned over behind", {{"k", 600}});
    const Axis e("e", 3);
    const Tensor x = g.input("x", f32, {k, e, m}), y = g.input("y", f32, {k, e, n});
    g->add_output("c", order(max(dot(x, y, {"k"}), 0.0) * 0.7, {n, m, e}).value());
  }
  {
    Graph& g = add("over two axes, operands computed", {{"k", 60}, {"j", 17}});
    const Tensor x = g.input("x", f32, {"j", "k", m}), y = g.input("y", f32, {"k", "j", n});
    g->add_output("c", dot(x * 2.0, y * y, {"k", "j"}).value());
  }
  {
    Graph& g = add("too small for f32", {{"k", 530}});
    const Tensor x = g.input("x", f32, {k, m}), y = g.input("y", f32, {k, n});
    g->add_output("c", bitcast(dot(x * 1e-30, y * 1e-30, {"k"}), i32).value());
  }
  return all;
}

}  // namespace uwaga::test
