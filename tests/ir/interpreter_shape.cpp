#include "tests/ir/interpreter_run.h"

using namespace uwaga;

namespace {
struct Matrix {  // [r=2, c=3] of 1 ... 6
  Graph g;
  Axis r{"r", 2}, c{"c", 3};
  Tensor x = g.input("x", f32, {r, c});
  Arrays in = {{"x", array({{"r", 2}, {"c", 3}}, std::vector<float>{1, 2, 3, 4, 5, 6})}};
  Array value(const Tensor& t) const { return value_of(t, in); }
};
}  // namespace

TEST_CASE("split and merge keep row-major order, the first axis the slowest") {
  const Matrix m;
  const Array merged = m.value(merge(m.x, {m.r, m.c}, "all"));
  CHECK(merged.str() == "f32[all=6]");
  CHECK(merged.to_doubles() == Doubles{1, 2, 3, 4, 5, 6});
  CHECK(m.value(merge(m.x, {m.c, m.r}, "all")).to_doubles() == Doubles{1, 4, 2, 5, 3, 6});
  const Array split_again = m.value(split(merge(m.x, {m.r, m.c}, "all"), "all", {Axis("a", 3), "b"}));
  CHECK(split_again.str() == "f32[a=3, b=2]");
  CHECK(split_again.to_doubles() == Doubles{1, 2, 3, 4, 5, 6});
}

TEST_CASE("merge of axes that are apart brings them together") {
  Graph g;
  const Tensor x = g.input("x", i32, {Axis("a", 2), Axis("b", 3), Axis("c", 2)});
  std::vector<std::int32_t> values(12);
  for (int i = 0; i < 12; ++i) values[static_cast<std::size_t>(i)] = i;
  const Array y = value_of(merge(x, {"c", "a"}, "ca"), {{"x", array({{"a", 2}, {"b", 3}, {"c", 2}}, values)}});
  CHECK(y.str() == "i32[b=3, ca=4]");
  for (std::int64_t a = 0; a < 2; ++a)
    for (std::int64_t b = 0; b < 3; ++b)
      for (std::int64_t c = 0; c < 2; ++c) CHECK(y.at({{"b", b}, {"ca", 2 * c + a}}) == 6 * a + 2 * b + c);
}

TEST_CASE("broadcast, rename, reverse and order") {
  const Matrix m;
  CHECK(m.value(broadcast(m.x, {{"k", 2}})).to_doubles() == Doubles{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6});
  CHECK(m.value(rename(m.x, m.c, "d")).str() == "f32[r=2, d=3]");
  CHECK(m.value(reverse(m.x, m.c)).to_doubles() == Doubles{3, 2, 1, 6, 5, 4});
  CHECK(m.value(order(m.x, {m.c, m.r})).to_doubles() == Doubles{1, 4, 2, 5, 3, 6});
  CHECK(m.value(tag(m.x, "name")) == m.in.at("x"));
  CHECK(m.value(stop_gradient(m.x)) == m.in.at("x"));
}

TEST_CASE("slice takes every step from start below stop") {
  const Matrix m;
  CHECK(m.value(slice(m.x, m.c, 1, 3)).to_doubles() == Doubles{2, 3, 5, 6});
  CHECK(m.value(slice(m.x, m.c, 0, 3, 2)).to_doubles() == Doubles{1, 3, 4, 6});
  CHECK(m.value(slice(m.x, m.c, 2, 2)).elements() == 0);
  CHECK(m.value(slice(m.x, m.r, 1, 2)).to_doubles() == Doubles{4, 5, 6});
}

TEST_CASE("pad writes its value before, between and after") {
  const Matrix m;
  CHECK(m.value(pad(m.x, m.c, 1, 2, 9.0)).to_doubles() == Doubles{9, 1, 2, 3, 9, 9, 9, 4, 5, 6, 9, 9});
  CHECK(m.value(pad(m.x, m.r, 0, 1, 0.0, 1)).to_doubles() == Doubles{1, 2, 3, 0, 0, 0, 4, 5, 6, 0, 0, 0});
}

TEST_CASE("concat puts its parts one after another") {
  const Matrix m;
  CHECK(m.value(concat({m.x, slice(m.x, m.c, 0, 1)}, m.c)).to_doubles() == Doubles{1, 2, 3, 1, 4, 5, 6, 4});
  CHECK(m.value(concat({m.x, order(m.x, {m.c, m.r})}, m.r)).to_doubles() == Doubles{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("constants, iota and counts") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time"});
  const Arrays in = {{"x", array({{"time", 4}}, std::vector<float>{1, 2, 3, 6})}};
  CHECK(value_of(constant(g, {1, 2, 3}, i32, {Axis("n", 3)}), in).to_integers() == Integers{1, 2, 3});
  CHECK(value_of(iota(x, "time"), in).to_integers() == Integers{0, 1, 2, 3});
  CHECK(value_of(iota(x, "time", bf16), in).dtype() == bf16);
  CHECK(value_of(full_like(x, 0.5), in).to_doubles() == Doubles{0.5, 0.5, 0.5, 0.5});
  CHECK(value_of(count(x, {"time"}, f32), in).item<float>() == 4);
  CHECK(value_of(mean(x, {"time"}), in).item<float>() == 3);
}

TEST_CASE("symbolic extents take the sizes of the run") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time"});
  const Extent t = Extent::symbol("time");
  const Tensor y = concat({slice(x, "time", t - 1, t), x}, "time");
  for (std::int64_t n : {1, 3, 4}) {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = static_cast<float>(i);
    const Array out = value_of(y, {{"x", array({{"time", n}}, values)}});
    CHECK(out.elements() == n + 1);
    CHECK(out.at(0) == static_cast<double>(n - 1));
  }
}
