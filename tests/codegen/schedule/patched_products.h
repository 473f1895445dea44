// Gradients of weights and the sums of their squares over patches, for tests of kernels that take these along.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include <uwaga/codegen/cluster.h>
#include <uwaga/ir/ops.h>

namespace uwaga::test {

inline constexpr FuseRules kPatchRules{.sums_beside_rows = true, .patch_sums = true};

struct PatchedProduct {
  std::int64_t rows, terms, columns;
  DType dtype = f32;
  std::int64_t heads = 0;    // rows are of so many heads, columns too, of so many entries each
  std::int64_t batch = 0;
  bool across = false;       // the result is wanted with its rows side by side
  bool knows_terms = true;
  // 1: an epilogue adds to the product; 2: and its own sums are wanted beside those of its squares; 3: the sums are of the product alone,
  // which is not stored
  int more = 0;

  std::string what() const { return fmt::format("{} x {} x {} of {}, {} heads, {} entries, across {}, more {}", rows, terms, columns, name(dtype), heads, batch, across, more); }
  Sizes sizes() const { return knows_terms ? Sizes() : Sizes{{"in", terms}}; }
  Graph graph() const {
    Graph g;
    const Axis in = knows_terms ? Axis("in", terms) : Axis("in"), row("row", rows), column("column", columns);
    Axes of_x{in}, of_w{in}, of_y;
    if (batch > 0)
      for (Axes* axes : {&of_x, &of_w, &of_y}) axes->insert(axes->begin(), Axis("entry", batch));
    const auto side = [&](Axes& axes, const std::string& head, const Axis& last) {
      for (Axes* to : {&axes, &of_y}) {
        if (heads > 0) to->emplace_back(head, heads);
        to->push_back(last);
      }
    };
    side(of_x, "head", row);
    side(of_w, "other", column);
    Tensor y = dot(g.input("x", dtype, of_x), g.input("w", dtype, of_w), {in}, f32);
    const Tensor alone = y;
    if (more > 0) y = y + g.input("before", f32, of_y);
    if (across) y = order(y, {"column", "row"});
    g->add_output("y", y.value());
    g->add_output("squares", (more == 3 ? sums_of(alone * alone) : sums_of(y * y)).value());
    if (more == 2) g->add_output("sums", sums_of(y).value());
    return g;
  }

  static Tensor in_blocks(const Tensor& x, const std::string& axis) {
    return x.type().extent(axis) == Extent(64) ? x : split(x, axis, {axis + ".block", {axis, 64}});
  }
  static Tensor sums_of(const Tensor& x) { return sum(in_blocks(in_blocks(x, "row"), "column"), {"row", "column"}); }
};

inline std::vector<PatchedProduct> patched_products() {
  return {
      {.rows = 128, .terms = 40, .columns = 192},
      {.rows = 64, .terms = 600, .columns = 64},
      {.rows = 192, .terms = 30, .columns = 128, .knows_terms = false},
      {.rows = 320, .terms = 21, .columns = 448, .dtype = bf16},
      {.rows = 128, .terms = 33, .columns = 256, .across = true},
      {.rows = 64, .terms = 40, .columns = 128, .heads = 3},
      {.rows = 64, .terms = 10, .columns = 128, .heads = 2, .batch = 2},
      {.rows = 128, .terms = 520, .columns = 128, .dtype = bf16, .knows_terms = false},
      {.rows = 64, .terms = 30, .columns = 320, .more = 1},
      {.rows = 256, .terms = 30, .columns = 64, .more = 2},
      {.rows = 128, .terms = 530, .columns = 192, .more = 3},
      {.rows = 64, .terms = 20, .columns = 128, .across = true, .more = 3},
      {.rows = 64, .terms = 20, .columns = 128, .heads = 2, .batch = 3, .more = 3},
  };
}

}  // namespace uwaga::test
