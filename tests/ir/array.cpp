#include <uwaga/ir/array.h>

#include <limits>

#include <uwaga/ir/error.h>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("an array keeps its values in row-major order of its axes") {
  const Array x = array({{"batch", 2}, {"time", 3}}, std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(x.dtype() == f32);
  CHECK(x.str() == "f32[batch=2, time=3]");
  CHECK(x.at({{"time", 0}, {"batch", 1}}) == 4);
  CHECK(x.as<float>()[5] == 6.0f);
  CHECK(x.reordered({"time", "batch"}).to_doubles() == std::vector<double>{1, 4, 2, 5, 3, 6});
  CHECK(x.reordered({"time", "batch"}).reordered({"batch", "time"}) == x);
  CHECK(array<float>({{"n", 2}}, {1, 2}).elements() == 2);
}

TEST_CASE("an array of three axes is reordered like its coordinates") {
  std::vector<std::int32_t> values(2 * 3 * 4);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
  const Array x = array({{"a", 2}, {"b", 3}, {"c", 4}}, values);
  const Array y = x.reordered({"c", "a", "b"});
  for (std::int64_t a = 0; a < 2; ++a)
    for (std::int64_t b = 0; b < 3; ++b)
      for (std::int64_t c = 0; c < 4; ++c) CHECK(y.at({{"a", a}, {"b", b}, {"c", c}}) == x.at({{"a", a}, {"b", b}, {"c", c}}));
}

TEST_CASE("copies of an array share memory until one is written") {
  Array a = array({{"n", 2}}, std::vector<float>{1, 2});
  Array b = a;
  CHECK(a.data() == b.data());
  b.set(0, 7);
  CHECK(a.at(0) == 1);
  CHECK(b.at(0) == 7);
  static const float outside[2] = {3, 4};
  std::shared_ptr<const std::byte> memory(reinterpret_cast<const std::byte*>(outside), [](const std::byte*) {});
  Array c = Array::view(f32, {{"n", 2}}, memory, 8);
  c.set(0, 9);
  CHECK(outside[0] == 3);
  CHECK(c.to_doubles() == std::vector<double>{9, 4});
}

TEST_CASE("an array converts as cast does") {
  const Array x = Array::of<double>(f64, {{"n", 5}}, {1.9, -1.9, 300, std::numeric_limits<double>::quiet_NaN(), -1e300});
  CHECK(x.cast(i32).to_integers() == std::vector<std::int64_t>{1, -1, 300, 0, -2147483648LL});
  CHECK(x.cast(u8).to_integers() == std::vector<std::int64_t>{1, 0, 255, 0, 0});
  CHECK(Array::of<double>(bf16, {{"n", 1}}, {1.00390625}).at(0) == 1.0);
  CHECK(Array::of<std::int64_t>(i64, {{"n", 1}}, {(1LL << 62) + 1}).integer_at(0) == (1LL << 62) + 1);
  CHECK(array({{"n", 2}}, std::vector<bool>{true, false}).dtype() == boolean);
  CHECK(Array(DType::i64, {}).item<int>() == 0);
}

TEST_CASE("a number is a scalar array that takes the dtype it meets") {
  const Array rate = 0.25;
  CHECK(rate.is_literal());
  CHECK(rate.dtype() == f64);
  CHECK(rate.matched(f32).dtype() == f32);
  CHECK(rate.matched(f32).item<float>() == 0.25f);
  CHECK(Array(3).matched(f32).item<float>() == 3.0f);
  CHECK_THROWS_WITH(rate.matched(i32), "the literal 0.25 is no i32");
  CHECK_THROWS_WITH(Array(300).matched(u8), "the literal 300 is no u8");
  CHECK(array({}, std::vector<float>{1}).matched(f64).dtype() == f32);
}

TEST_CASE("what does not fit an array is refused with the numbers") {
  CHECK_THROWS_WITH(array({{"n", 2}}, std::vector<float>{1}), "f32[n=2] takes 2 values and is given 1");
  CHECK_THROWS_WITH(Array(f32, {{"n", -1}}), "an array cannot have n=-1");
  CHECK_THROWS_WITH(Array(f32, {{"n", 1}, {"n", 1}}), "an array cannot have axis 'n' twice");
  CHECK_THROWS_WITH(Array(f32, {{"n", 1LL << 40}, {"m", 1LL << 40}}),
                    "an array of [n=1099511627776, m=1099511627776] has more than 2^63 bytes");
  const Array x(f32, {{"n", 2}});
  CHECK_THROWS_WITH(x.extent("m"), "f32[n=2] has no axis 'm'");
  CHECK_THROWS_WITH(x.at(2), "f32[n=2] has no element 2");
  CHECK_THROWS_WITH(x.item<float>(), "f32[n=2] of 2 elements is read as one item");
  CHECK_THROWS_WITH(x.as<double>(), "f32[n=2] is read as elements of another type");
  CHECK_THROWS_WITH(x.reshaped({{"m", 3}}), "f32[n=2] of 2 elements cannot become f32[m=3] of 3");
  CHECK_THROWS_WITH(x.reordered({}), "f32[n=2] cannot be listed by {}, which leaves out axes");
  CHECK(Array(f32, {{"n", 0}, {"m", 1LL << 62}}).elements() == 0);
}
