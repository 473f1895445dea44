// Products of few rows as decoding has them, for tests of schedule_few_rows.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <uwaga/ir/ops.h>

#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

// B lying both ways; terms in whole squares and not, past a block of 512, none; columns that end inside a panel; sizes that are
// known and that are not; A computed or across; something after the dot.
inline std::vector<SizedGraph> few_rows_products() {
  std::vector<SizedGraph> all;
  for (const std::int64_t m : {1, 2, 3, 4, 7, 8})
    for (const bool across : {false, true})
      for (const bool is_static : {true, false})
        for (const DType d : {DType::f32, DType::bf16, DType::f64, DType::i32})
          for (const auto& [n, k] : {std::array<std::int64_t, 2>{128, 64}, {77, 19}, {5, 1040}, {72, 1030}, {3, 0}}) {
            if (k > 512 && (m > 2 || d == DType::i32)) continue;
            SizedGraph& p = all.emplace_back();
            const auto size = [&](const char* name, std::int64_t extent) { return is_static ? Axis(name, extent) : Axis(name); };
            if (!is_static) p.sizes = {{"n", n}, {"k", k}};
            p.what = std::to_string(m) + " rows of " + std::string(name(d)) + (across ? ", across" : "") + (is_static ? "" : ", symbolic") +
                     ", n=" + std::to_string(n) + " k=" + std::to_string(k);
            const Tensor x = p.graph.input("x", d, {Axis("m", m), size("k", k)});
            const Tensor y = across ? p.graph.input("y", d, {size("n", n), size("k", k)}) : p.graph.input("y", d, {size("k", k), size("n", n)});
            const Tensor z = p.graph.input("z", d, {Axis("m", m), size("n", n)});
            p.graph->add_output("c", (dot(x, y, {"k"}) + z).value());
          }
  for (const std::int64_t heads : {1, 3}) {
    SizedGraph& p = all.emplace_back();
    p.what = "batched over " + std::to_string(heads) + " heads, over two axes, A computed and lying across";
    p.sizes = {{"n", 37}, {"k", 21}};
    const Axis head("head", heads), j("j", 3);
    const Tensor a = p.graph.input("x", f32, {"k", head, Axis("m", 2), j}), b = p.graph.input("y", bf16, {"n", head, j, "k"});
    p.graph->add_output("c", (dot(a * 0.5, cast(b, f32), {"j", "k"})).value());
  }
  return all;
}

}  // namespace uwaga::test
