#include <cmath>

#include "tests/ir/interpreter_run.h"

using namespace uwaga;
using Catch::Contains;

namespace {
struct Table {  // [v=4, m=2]
  Graph g;
  Axis v{"v", 4}, m{"m", 2};
  Tensor data = g.input("data", f32, {v, m}), at = g.input("at", i32, {"n"});
  Arrays with(const Integers& indices) const {
    return {{"data", array({{"v", 4}, {"m", 2}}, std::vector<float>{0, 1, 10, 11, 20, 21, 30, 31})},
            {"at", Array::of(i32, {{"n", static_cast<std::int64_t>(indices.size())}}, indices)}};
  }
};
}  // namespace

TEST_CASE("gather reads rows, the axes of the indices first") {
  const Table t;
  const Array y = value_of(gather(t.data, t.at, t.v), t.with({2, 0, 2}));
  CHECK(y.str() == "f32[n=3, m=2]");
  CHECK(y.to_doubles() == Doubles{20, 21, 0, 1, 20, 21});
}

TEST_CASE("gather aligns the axes that data and indices share") {
  Graph g;
  const Tensor data = g.input("data", f32, {"b", "v"}), at = g.input("at", i64, {"k", "b"});
  const Arrays in = {{"data", array({{"b", 2}, {"v", 3}}, std::vector<float>{1, 2, 3, 4, 5, 6})},
                     {"at", array({{"k", 2}, {"b", 2}}, std::vector<std::int64_t>{0, 2, 1, 1})}};
  const Array y = value_of(gather(data, at, "v"), in);
  CHECK(y.str() == "f32[k=2, b=2]");
  CHECK(y.to_doubles() == Doubles{1, 6, 2, 5});
}

TEST_CASE("an index out of range is an error with op, index, extent and line") {
  const Table t;
  const Tensor y = gather(t.data, t.at, t.v);
  CHECK_THROWS_WITH(value_of(y, t.with({0, 4})), Contains("interpreter_index.cpp:") && Contains("gather over 'v': index 4 is outside v=4"));
  CHECK_THROWS_WITH(value_of(y, t.with({-1})), Contains("gather over 'v': index -1 is outside v=4"));
  Table u;
  const Tensor z = scatter_add(u.data, u.at, u.g.input("x", f32, {"n", u.m}), u.v);
  Arrays in = u.with({9});
  in.emplace("x", Array(f32, {{"n", 1}, {"m", 2}}));
  CHECK_THROWS_WITH(value_of(z, in), Contains("scatter_add over 'v': index 9 is outside v=4"));
}

TEST_CASE("scatter_add adds every update where its index points") {
  Table t;
  const Tensor x = t.g.input("x", f32, {t.m, "n"});
  Arrays in = t.with({1, 3, 1});
  in.emplace("x", array({{"m", 2}, {"n", 3}}, std::vector<float>{100, 200, 300, 1000, 2000, 3000}));
  const Array y = value_of(scatter_add(t.data, t.at, x, t.v), in);
  CHECK(y.str() == "f32[v=4, m=2]");
  CHECK(y.to_doubles() == Doubles{0, 1, 410, 4011, 20, 21, 230, 2031});
}

TEST_CASE("scatter_add adds in index order, row-major in the axes of the indices sorted by name") {
  // 2^24 + 1 rounds back to 2^24, 1 + 1 + 2^24 does not: the order shows.
  for (const char* first : {"a", "z"}) {
    Graph g;
    const Tensor base = g.input("base", f32, {Axis("v", 1)});
    const Tensor at = g.input("at", i32, {first, "m"}), x = g.input("x", f32, {first, "m"});
    Arrays in = {{"base", Array(f32, {{"v", 1}})},
                 {"at", Array(i32, {{first, 2}, {"m", 2}})},
                 {"x", array({{first, 2}, {"m", 2}}, std::vector<float>{1, 0x1p24f, 1, 0})}};
    // "a" first: 1, 2^24, 1, 0. "z": 1, 1, 2^24, 0.
    const float want = first[0] == 'a' ? 0x1p24f : 0x1p24f + 2;
    CHECK(value_of(scatter_add(base, at, x, Axis("v", 1)), in).item<float>() == want);
  }
}

TEST_CASE("narrow scatter_add keeps an f32 sum and rounds at the end, integers wrap") {
  Graph g;
  const Tensor base = g.input("base", bf16, {Axis("v", 1)}), at = g.input("at", i32, {"n"}), x = g.input("x", bf16, {"n"});
  const Arrays in = {{"base", Array::of(bf16, {{"v", 1}}, Doubles{256})}, {"at", Array(i32, {{"n", 2}})},
                     {"x", Array::of(bf16, {{"n", 2}}, Doubles{1, 1})}};
  CHECK(value_of(scatter_add(base, at, x, Axis("v", 1)), in).item<float>() == 258);
  Graph h;
  const Tensor b = h.input("b", i8, {Axis("v", 1)}), i = h.input("i", i32, {"n"}), u = h.input("u", i8, {"n"});
  const Arrays more = {{"b", Array::of(i8, {{"v", 1}}, Integers{100})}, {"i", Array(i32, {{"n", 1}})},
                       {"u", Array::of(i8, {{"n", 1}}, Integers{100})}};
  CHECK(value_of(scatter_add(b, i, u, Axis("v", 1)), more).item<int>() == -56);
}

TEST_CASE("dynamic_slice and dynamic_update start where they are told") {
  Graph g;
  const Axis n{"n", 4}, m{"m", 2};
  const Tensor x = g.input("x", i32, {n, m}), s = g.input("s", i64, {}), u = g.input("u", i32, {m, Axis("n", 2)});
  const auto in = [](std::int64_t start) {
    return Arrays{{"x", array({{"n", 4}, {"m", 2}}, std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7})},
                  {"s", start},
                  {"u", array({{"m", 2}, {"n", 2}}, std::vector<std::int32_t>{-1, -2, -3, -4})}};
  };
  Graph h;
  const Tensor slice = dynamic_slice(h.input("x", i32, {n, m}), h.input("s", i64, {}), n, 2), update = dynamic_update(x, u, s, n);
  const auto for_slice = [&](std::int64_t start) {
    Arrays a = in(start);
    a.erase("u");
    return a;
  };
  CHECK(value_of(slice, for_slice(1)).to_integers() == Integers{2, 3, 4, 5});
  CHECK(value_of(update, in(2)).to_integers() == Integers{0, 1, 2, 3, -1, -3, -2, -4});
  CHECK_THROWS_WITH(value_of(slice, for_slice(3)), Contains("dynamic_slice over 'n': 2 elements from index 3 are outside n=4"));
  CHECK_THROWS_WITH(value_of(update, in(-1)), Contains("dynamic_update over 'n': 2 elements from index -1 are outside n=4"));
}

TEST_CASE("top_k puts the largest first, NaN before all, the lowest index on ties") {
  Graph g;
  const Tensor x = g.input("x", f32, {"n", "r"});
  const TopK best = top_k(x, "n", 3, "k");
  const Array in = Array::of(f32, {{"r", 2}, {"n", 4}}, Doubles{1, 5, 5, 2, -kInf, kNaN, 3, kNaN});
  const Arrays inputs = {{"x", in}};
  const Array values = value_of(best.values, inputs), indices = value_of(best.indices, inputs);
  CHECK(values.str() == "f32[k=3, r=2]");
  check_same(values.reordered({"r", "k"}).to_doubles(), {5, 5, 2, kNaN, kNaN, 3});
  CHECK(indices.reordered({"r", "k"}).to_integers() == Integers{1, 2, 3, 1, 3, 2});
  CHECK_THROWS_WITH(value_of(best.values, {{"x", Array(f32, {{"n", 2}, {"r", 1}})}}), Contains("top_k wants 3 of n=2"));
}
