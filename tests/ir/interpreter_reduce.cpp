// Sums and contractions: values, and the order of their terms to the bit.
#include <cmath>

#include "tests/ir/interpreter_run.h"

using namespace uwaga;

namespace {

std::vector<float> numbers(std::int64_t n, std::uint32_t s = 7) {
  std::vector<float> out;
  for (std::int64_t i = 0; i < n; ++i) {
    s = s * 1664525 + 1013904223;
    out.push_back(static_cast<float>(std::ldexp(static_cast<double>(s >> 8) - 0x1p23, -static_cast<int>(s % 13) - 20)));
  }
  return out;
}

// The rules as interpret.h states them, written down a second time.
float sum_by_the_rule(const std::vector<float>& x) {
  std::vector<float> blocks;
  for (std::size_t first = 0; first < std::max<std::size_t>(x.size(), 1); first += 4096) {
    float lane[64] = {};
    for (std::size_t i = first; i < std::min(x.size(), first + 4096); ++i) lane[(i - first) % 64] = lane[(i - first) % 64] + x[i];
    for (int s : {32, 16, 8, 4, 2, 1})
      for (int i = 0; i < s; ++i) lane[i] = lane[i] + lane[i + s];
    blocks.push_back(lane[0]);
  }
  return blocks.size() == 1 ? blocks[0] : sum_by_the_rule(blocks);
}
float dot_by_the_rule(const std::vector<float>& x, const std::vector<float>& y) {
  float total = 0;
  for (std::size_t first = 0; first < x.size(); first += 512) {
    float chain = 0;
    for (std::size_t i = first; i < std::min(x.size(), first + 512); ++i) chain = std::fmaf(x[i], y[i], chain);
    total = first == 0 ? chain : total + chain;
  }
  return total;
}

Array vector_of(const std::vector<float>& x) { return array({{"n", static_cast<std::int64_t>(x.size())}}, x); }

struct Two {  // a[m, k], b[k, n]
  Graph g;
  Axis m{"m", 2}, k{"k", 3}, n{"n", 2};
  Tensor a = g.input("a", f32, {m, k}), b = g.input("b", f32, {k, n});
  Arrays in = {{"a", array({{"m", 2}, {"k", 3}}, std::vector<float>{1, 2, 3, 4, 5, 6})},
               {"b", array({{"k", 3}, {"n", 2}}, std::vector<float>{1, 10, 2, 20, 3, 30})}};
};

}  // namespace

TEST_CASE("dot contracts the named axes") {
  const Two t;
  const Array y = value_of(dot(t.a, t.b, {t.k}), t.in);
  CHECK(y.str() == "f32[m=2, n=2]");
  CHECK(y.to_doubles() == Doubles{14, 140, 32, 320});
  CHECK(value_of(dot(t.b, t.a, {t.k}), t.in).to_doubles() == Doubles{14, 32, 140, 320});
  CHECK(value_of(dot(t.a, t.a, {t.m, t.k}), t.in).to_doubles() == Doubles{91});
  CHECK(value_of(dot(t.a, t.a, {t.k}), t.in).to_doubles() == Doubles{14, 77});   // m is a batch axis
  CHECK(value_of(dot(t.a, t.a, {}), t.in).to_doubles() == Doubles{1, 4, 9, 16, 25, 36});
  CHECK(value_of(dot(t.a, t.b, {t.k}), t.in).reordered({"n", "m"}).to_doubles() == Doubles{14, 32, 140, 320});
}

TEST_CASE("dot with batch axes in different places agrees with its definition") {
  Graph g;
  const Tensor a = g.input("a", f64, {"i", "h", "k", "b"}), b = g.input("b", f64, {"k", "b", "j", "h"});
  Array x(f64, {{"i", 2}, {"h", 3}, {"k", 5}, {"b", 2}}), y(f64, {{"k", 5}, {"b", 2}, {"j", 4}, {"h", 3}});
  for (std::int64_t i = 0; i < x.elements(); ++i) x.set(i, static_cast<double>(i % 7) - 3);
  for (std::int64_t i = 0; i < y.elements(); ++i) y.set(i, static_cast<double>(i % 5) - 2);
  const Array z = value_of(dot(a, b, {"k"}), {{"a", x}, {"b", y}});
  CHECK(z.str() == "f64[i=2, h=3, b=2, j=4]");
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t h = 0; h < 3; ++h)
      for (std::int64_t c = 0; c < 2; ++c)
        for (std::int64_t j = 0; j < 4; ++j) {
          double want = 0;
          for (std::int64_t k = 0; k < 5; ++k)
            want += x.at({{"i", i}, {"h", h}, {"k", k}, {"b", c}}) * y.at({{"k", k}, {"b", c}, {"j", j}, {"h", h}});
          CHECK(z.at({{"i", i}, {"h", h}, {"b", c}, {"j", j}}) == want);
        }
}

TEST_CASE("an f32 dot is blocks of 512 terms, each one chain of fused multiply-adds") {
  Graph g;
  const Tensor a = g.input("a", f32, {"n"}), b = g.input("b", f32, {"n"});
  const Tensor y = dot(a, b, {"n"});
  for (std::int64_t n : {0, 1, 63, 511, 512, 513, 1024, 1300, 5000}) {
    const auto u = numbers(n), v = numbers(n, 99);
    CHECK(value_of(y, {{"a", vector_of(u)}, {"b", vector_of(v)}}).item<float>() == dot_by_the_rule(u, v));
  }
  // The blocks matter: one chain over all terms gives other bits.
  const auto u = numbers(5000), v = numbers(5000, 99);
  float chain = 0;
  for (std::size_t i = 0; i < u.size(); ++i) chain = std::fmaf(u[i], v[i], chain);
  CHECK(chain != dot_by_the_rule(u, v));
}

TEST_CASE("every element of a matrix product is the same chain, whichever side is longer") {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{1, 33}, {33, 1}, {3, 20}, {20, 3}, {1, 1}}) {
    Graph g;
    const Tensor a = g.input("a", f32, {"m", "k"}), b = g.input("b", f32, {"k", "n"});
    const std::int64_t k = 700;
    const Array x = array({{"m", rows}, {"k", k}}, numbers(rows * k)), y = array({{"k", k}, {"n", columns}}, numbers(columns * k, 3));
    const Array z = value_of(dot(a, b, {"k"}), {{"a", x}, {"b", y}});
    int wrong = 0;
    for (std::int64_t m = 0; m < rows; ++m)
      for (std::int64_t n = 0; n < columns; ++n) {
        std::vector<float> u, v;
        for (std::int64_t i = 0; i < k; ++i) {
          u.push_back(static_cast<float>(x.at({{"m", m}, {"k", i}})));
          v.push_back(static_cast<float>(y.at({{"k", i}, {"n", n}})));
        }
        wrong += z.at({{"m", m}, {"n", n}}) != dot_by_the_rule(u, v);
      }
    CHECK(wrong == 0);
  }
}

TEST_CASE("terms of a dot count in the order of its axes as named") {
  Graph g;
  const Tensor a = g.input("a", f32, {"p", "q"}), b = g.input("b", f32, {"p", "q"});
  const auto u = numbers(40 * 50), v = numbers(40 * 50, 5);
  const Array x = array({{"p", 40}, {"q", 50}}, u), y = array({{"p", 40}, {"q", 50}}, v);
  CHECK(value_of(dot(a, b, {"p", "q"}), {{"a", x}, {"b", y}}).item<float>() == dot_by_the_rule(u, v));
  const Array xt = x.reordered({"q", "p"}), yt = y.reordered({"q", "p"});
  const std::vector<float> ut(xt.as<float>().begin(), xt.as<float>().end()), vt(yt.as<float>().begin(), yt.as<float>().end());
  CHECK(value_of(dot(a, b, {"q", "p"}), {{"a", x}, {"b", y}}).item<float>() == dot_by_the_rule(ut, vt));
  CHECK(dot_by_the_rule(ut, vt) != dot_by_the_rule(u, v));
}

TEST_CASE("narrow dots accumulate in f32 and round at the end, integer dots wrap") {
  Graph g;
  const Tensor a = g.input("a", bf16, {"n"});
  const Arrays in = {{"a", Array::of(bf16, {{"n", 300}}, std::vector<double>(300, 1.0))}};
  CHECK(value_of(dot(a, a, {"n"}), in).item<float>() == 300);  // a bf16 accumulator would stop at 256
  const Arrays more = {{"a", Array::of(bf16, {{"n", 301}}, std::vector<double>(301, 1.0))}};
  CHECK(value_of(dot(a, a, {"n"}), more).item<float>() == 300);  // 301 is no bf16; the tie goes to even
  CHECK(value_of(dot(a, a, {"n"}, f32), more).item<float>() == 301);
  Graph h;
  const Tensor i = h.input("i", i8, {"n"});
  const Arrays hundreds = {{"i", Array::of(i8, {{"n", 2}}, Integers{100, 100})}};
  CHECK(value_of(dot(i, i, {"n"}), hundreds).item<int>() == 32);
  CHECK(value_of(dot(i, i, {"n"}, i32), hundreds).item<int>() == 20000);
}

TEST_CASE("sum is 64 lanes joined by a tree, in blocks of 4096") {
  Graph g;
  const Tensor x = g.input("x", f32, {"n"});
  const Tensor y = sum(x, {"n"});
  for (std::int64_t n : {0, 1, 63, 64, 65, 1000, 4095, 4096, 4097, 8192, 4096 * 70 + 11}) {
    const auto u = numbers(n);
    CHECK(value_of(y, {{"x", vector_of(u)}}).item<float>() == sum_by_the_rule(u));
  }
  // Term 64 meets term 0 in lane 0, and all of that before lane 32: 2^25 + 1 rounds to 2^25, then - 2^25 leaves 0.
  std::vector<float> u(65, 0.0f);
  u[0] = 0x1p25f;
  u[64] = 1;
  u[32] = -0x1p25f;
  CHECK(value_of(y, {{"x", vector_of(u)}}).item<float>() == 0);
  u[64] = 0;
  u[1] = 1;  // the tree adds lane 32 to lane 0 before lane 1
  CHECK(value_of(y, {{"x", vector_of(u)}}).item<float>() == 1);
}

TEST_CASE("sum over some axes, over several, and of every kind") {
  Graph g;
  const Tensor x = g.input("x", f32, {"p", "q"});
  const Array values = array({{"p", 70}, {"q", 90}}, numbers(70 * 90));
  const Array rows = value_of(sum(x, {"p"}), {{"x", values}});
  for (std::int64_t q = 0; q < 90; q += 13) {
    std::vector<float> column;
    for (std::int64_t p = 0; p < 70; ++p) column.push_back(static_cast<float>(values.at({{"p", p}, {"q", q}})));
    CHECK(rows.at(q) == sum_by_the_rule(column));
  }
  const Array turned = values.reordered({"q", "p"});
  const std::vector<float> t(turned.as<float>().begin(), turned.as<float>().end());
  CHECK(value_of(sum(x, {"q", "p"}), {{"x", values}}).item<float>() == sum_by_the_rule(t));
  Graph h;
  const Tensor i = h.input("i", u8, {"n"}), b = h.input("b", bf16, {"n"});
  const Arrays in = {{"i", Array::of(u8, {{"n", 3}}, Integers{200, 100, 1})}, {"b", Array::of(bf16, {{"n", 3}}, Doubles{256, 1, 1})}};
  CHECK(value_of(sum(i, {"n"}), in).item<int>() == 45);
  CHECK(value_of(sum(b, {"n"}), in).item<float>() == 258);  // in f32, rounded once
}

TEST_CASE("empty reductions: sum 0, max -inf, mean NaN") {
  Graph g;
  const Tensor x = g.input("x", f32, {"n", "m"});
  const Arrays in = {{"x", Array(f32, {{"n", 0}, {"m", 2}})}};
  check_same(value_of(sum(x, {"n"}), in).to_doubles(), {0, 0});
  check_same(value_of(reduce_max(x, {"n"}), in).to_doubles(), {-kInf, -kInf});
  check_same(value_of(mean(x, {"n"}), in).to_doubles(), {kNaN, kNaN});
  CHECK_THROWS_WITH(value_of(argmax(x, "n"), in), Catch::Contains("argmax over 'n' wants at least one element"));
  Graph h;
  const Tensor i = h.input("i", i32, {"n"});
  CHECK(value_of(reduce_max(i, {"n"}), {{"i", Array(i32, {{"n", 0}})}}).item<std::int64_t>() == -2147483648LL);
}

TEST_CASE("reduce_max propagates NaN, argmax takes NaN as largest and the lowest index on ties") {
  Graph g;
  const Tensor x = g.input("x", f32, {"r", "n"});
  const Arrays in = {{"x", Array::of(f32, {{"r", 4}, {"n", 3}}, Doubles{1, 3, 2, 5, kNaN, kNaN, 7, 7, 7, -kInf, -kInf, -1})}};
  check_same(value_of(reduce_max(x, {"n"}), in).to_doubles(), {3, kNaN, 7, -1});
  CHECK(value_of(argmax(x, "n"), in).to_integers() == Integers{1, 1, 0, 2});
  CHECK(value_of(argmax(x, "r"), in).to_integers() == Integers{2, 1, 1});
}

TEST_CASE("cumsum adds one element after another, from either end") {
  Graph g;
  const Tensor x = g.input("x", f32, {"n", "m"});
  const Arrays in = {{"x", array({{"n", 3}, {"m", 2}}, std::vector<float>{1, 10, 2, 20, 3, 30})}};
  CHECK(value_of(cumsum(x, "n"), in).to_doubles() == Doubles{1, 10, 3, 30, 6, 60});
  CHECK(value_of(cumsum(x, "n", true), in).to_doubles() == Doubles{6, 60, 5, 50, 3, 30});
  const auto u = numbers(500);
  float total = 0;
  for (float v : u) total += v;
  Graph h;
  const Tensor y = h.input("y", f32, {"n"});
  CHECK(value_of(cumsum(y, "n"), {{"y", vector_of(u)}}).at(499) == total);
  Graph k;
  const Tensor i = k.input("i", i8, {"n"});
  CHECK(value_of(cumsum(i, "n"), {{"i", Array::of(i8, {{"n", 2}}, Integers{100, 100})}}).to_integers() == Integers{100, -56});
}
