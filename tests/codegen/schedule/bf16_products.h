// Products of bf16 as training steps have them, for tests of dot_pairs and of tiles.
#pragma once

#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <uwaga/ir/ops.h>

#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

struct Bf16Product {
  std::string what;
  Graph graph;
  Sizes sizes;
  std::int64_t terms = 0;
};

// c[m n] = a[.. m .. k ..] * b, stored with these axes from the slowest to the fastest; the sizes of `symbolic` axes are known when it
// runs; `narrowed`: stored as f32, and cast.
inline Bf16Product bf16_product(const std::vector<std::string>& a, const std::vector<std::string>& b, std::int64_t m, std::int64_t n,
                                std::int64_t k, const std::string& symbolic, bool narrowed) {
  Bf16Product p{"", {}, {}, k};
  const Sizes all{{"m", m}, {"n", n}, {"k", k}};
  const auto is_symbolic = [&](const std::string& axis) { return symbolic.find(axis) != std::string::npos; };
  for (const auto& [axis, size] : all)
    if (is_symbolic(axis)) p.sizes.emplace(axis, size);
  const auto operand = [&](const char* name, const std::vector<std::string>& axes) {
    std::vector<Axis> declared;
    p.what += std::string(name) + "[";
    for (const std::string& axis : axes) {
      declared.push_back(is_symbolic(axis) ? Axis(axis) : Axis(axis, all.at(axis)));
      p.what += axis + "=" + std::to_string(all.at(axis)) + " ";
    }
    p.what += narrowed ? "] narrowed " : "] ";
    const Tensor x = p.graph.input(name, narrowed ? f32 : bf16, declared);
    return narrowed ? cast(x, bf16) : x;
  };
  const Tensor x = operand("a", a), y = operand("b", b);
  p.what += "symbolic: " + symbolic;
  p.graph->add_output("c", dot(x, y, {"k"}, f32).value());
  return p;
}

// Both operands lying both ways; terms in whole turns, odd, past a block of 512, past one of tiles, none; tiles of rows in place.
inline std::vector<Bf16Product> bf16_products() {
  std::vector<Bf16Product> all;
  const std::vector<std::array<std::int64_t, 3>> sizes{{25, 64, 64},    {13, 33, 37},  {1, 7, 1},    {30, 40, 515}, {14, 130, 1040},
                                                       {390, 20, 96}, {64, 48, 96}, {3, 17, 3105}, {5, 9, 0}};
  const std::vector<std::vector<std::string>> as{{"m", "k"}, {"k", "m"}}, bs{{"k", "n"}, {"n", "k"}};
  for (const auto& a : as)
    for (const auto& b : bs)
      for (const char* symbolic : {"", "mnk"})
        for (const bool narrowed : {true, false})
          for (const auto& [m, n, k] : sizes)
            all.push_back(bf16_product(a, b, m, n, k, symbolic, narrowed));
  // As training steps have them: an activation of how many rows, a weight's gradient over how many terms nobody knows.
  for (const std::int64_t some : {64, 70, 3})
    for (const std::int64_t others : some == 70 ? std::vector<std::int64_t>{288, 2080} : std::vector<std::int64_t>{288})
      for (const auto& b : bs) {
        all.push_back(bf16_product({"m", "k"}, b, some, 40, others, "m", false));
        all.push_back(bf16_product({"k", "m"}, b, 64, 96, some == 3 ? others : some, "k", false));
      }
  Bf16Product& p = all.emplace_back(Bf16Product{"batched, over two axes", {}, {{"m", 21}, {"k", 25}}, 75});
  const Axis batch("batch", 3), j("j", 3), n("n", 50);
  const Tensor a = p.graph.input("a", bf16, {batch, "m", j, "k"}), b = p.graph.input("b", bf16, {"k", batch, n, j});
  p.graph->add_output("c", dot(a, b, {"j", "k"}, f32).value());
  return all;
}

// A product of one row and the same of that row among 40, on a target with tile registers: c of the first and c of the second's first
// row have the same bits. Terms of whole tiles and not; numbers of all sizes, too small for f32 among them, infinities and NaN.
struct RowAmongMany {
  std::string what;
  Graph one, many;
  Arrays of_one, of_many;
};
inline std::vector<RowAmongMany> rows_among_many() {
  std::vector<RowAmongMany> all;
  for (const bool across : {false, true})
    for (const auto& [n, k] : {std::array<std::int64_t, 2>{96, 64}, {37, 70}, {5, 1}, {40, 1031}})
      for (const char* size : {"usual", "tiny", "wild"}) {
        RowAmongMany& p = all.emplace_back();
        p.what = std::string(size) + (across ? ", across" : "") + ", n=" + std::to_string(n) + " k=" + std::to_string(k);
        for (const std::int64_t m : {1, 40}) {
          Graph& g = m == 1 ? p.one : p.many;
          const Axis row("m", m), column("n", n), term("k", k);
          const Axes b = across ? Axes{column, term} : Axes{term, column};
          g->add_output("c", dot(g.input("a", bf16, {row, term}), g.input("b", bf16, b), {"k"}, f32).value());
        }
        std::mt19937 random(7);
        const auto draw = [&](Array& x) {
          for (std::int64_t i = 0; i < x.elements(); ++i) {
            const double u = static_cast<double>(random() % 4001) / 1000 - 2;
            const int exponent = size[0] == 'u' ? 0 : size[0] == 't' ? -60 - static_cast<int>(random() % 74) : static_cast<int>(random() % 250) - 125;
            x.set(i, size[0] == 'w' && random() % 500 == 0 ? u / 0.0 : std::ldexp(u, exponent));
          }
        };
        Array a(bf16, {{"m", 40}, {"k", k}}), b(bf16, across ? ArrayDims{{"n", n}, {"k", k}} : ArrayDims{{"k", k}, {"n", n}});
        draw(a);
        draw(b);
        Array first(bf16, {{"m", 1}, {"k", k}});
        for (std::int64_t i = 0; i < k; ++i) first.set(i, a.at(i));
        p.of_one = {{"a", first}, {"b", b}};
        p.of_many = {{"a", a}, {"b", b}};
      }
  return all;
}
inline void check_rows_among_many(const HostTarget& target, const KernelRunner& runner = kernel_interpreter()) {
  for (const RowAmongMany& p : rows_among_many()) {
    INFO(p.what);
    const Array one = run_clusters(p.one, p.of_one, {}, {}, target, runner).outputs.at("c");
    const Array many = run_clusters(p.many, p.of_many, {}, {}, target, runner).outputs.at("c");
    Array first(f32, one.dims());
    for (std::int64_t i = 0; i < one.elements(); ++i) first.set(i, many.at(i));
    check_bits(one, first);
  }
}

}  // namespace uwaga::test
