// Products without rows and columns, for tests of schedule_inner_products.
#pragma once

#include <string>
#include <vector>

#include <uwaga/ir/ops.h>

#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

// Terms that lie one after the other, entries that do, one of each; ends inside a square and inside a block of 512, no terms; fewer entries
// than lanes and more; sizes that are known and that are not; operands computed or of several axes; something after the dot; results so
// small that only a sign is left of them.
inline std::vector<SizedGraph> inner_products() {
  std::vector<SizedGraph> all;
  for (const bool is_static : {true, false})
    for (const DType d : {DType::f32, DType::bf16, DType::f64, DType::i32})
      for (const std::int64_t k : {0, 1, 19, 64, 512, 1040})
        for (const std::int64_t e : {0, 1, 5, 70})
          for (const char* lies : {"ek", "ke", "mixed"}) {
            if (k >= 512 && (e > 5 || d == DType::i32)) continue;
            if (e == 0 && lies[0] != 'e') continue;
            SizedGraph& p = all.emplace_back();
            const auto size = [&](const char* name, std::int64_t extent) { return is_static ? Axis(name, extent) : Axis(name); };
            if (!is_static) p.sizes = {{"k", k}, {"e", e}};
            p.what = std::string(name(d)) + " " + lies + (is_static ? "" : ", symbolic") + ", e=" + std::to_string(e) + " k=" + std::to_string(k);
            const Axis along = size("k", k), entry = size("e", e);
            const Axes terms_last{entry, along}, entries_last{along, entry};
            const Tensor x = p.graph.input("x", d, lies[0] == 'k' ? entries_last : terms_last);
            const Tensor y = p.graph.input("y", d, lies[0] == 'e' ? terms_last : entries_last);
            const Tensor z = p.graph.input("z", d, {entry});
            p.graph->add_output("c", (dot(x, y, {"k"}) + z).value());
          }
  for (const std::int64_t k : {3, 40, 9000}) {
    Graph& g = all.emplace_back(SizedGraph{"of everything, k=" + std::to_string(k), {}, {{"k", k}}}).graph;
    const Tensor x = g.input("x", f32, {"k"}), y = g.input("y", f32, {"k"});
    g->add_output("c", sqrt(dot(x * x, y * y, {"k"})).value());
  }
  for (const std::int64_t j : {16, 17, 1}) {
    Graph& g = all.emplace_back(SizedGraph{"over two axes apart, j=" + std::to_string(j), {}, {{"k", 70}, {"j", j}}}).graph;
    const Tensor x = g.input("x", f32, {"k", Axis("e", 3), "j"}), y = g.input("y", bf16, {Axis("e", 3), "j", "k"});
    g->add_output("c", dot(x, cast(y, f32), {"j", "k"}).value());
    g->add_output("turned", dot(x * 2.0, cast(y, f32), {"k", "j"}).value());
  }
  {
    Graph& g = all.emplace_back(SizedGraph{"of two axes of entries, in between and last", {}, {{"k", 37}, {"e", 6}}}).graph;
    const Tensor x = g.input("x", f32, {"e", "k", Axis("h", 7)}), y = g.input("y", f32, {"e", "k", Axis("h", 7)});
    g->add_output("c", dot(x, y, {"k"}).value());
  }
  {
    Graph& g = all.emplace_back(SizedGraph{"too small for f32", {}, {{"e", 40}, {"k", 19}}}).graph;
    const Tensor x = g.input("x", f32, {"e", "k"}), y = g.input("y", f32, {"e", "k"});
    g->add_output("c", bitcast(dot(x * 1e-30, y * 1e-30, {"k"}), i32).value());
  }
  return all;
}

}  // namespace uwaga::test
