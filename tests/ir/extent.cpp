#include <uwaga/ir/extent.h>

#include <limits>
#include <random>

#include <uwaga/ir/error.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {
const Extent t = Extent::symbol("time"), b = Extent::symbol("batch");

Extent random_extent(std::mt19937& random) {
  Extent e = static_cast<std::int64_t>(random() % 9) - 4;
  for (unsigned i = 0; i < random() % 4; ++i) {
    Extent product = static_cast<std::int64_t>(random() % 9) - 4;
    for (unsigned j = 0; j < random() % 3; ++j) product = product * Extent::symbol(std::string(1, static_cast<char>('a' + random() % 3)));
    e = e + product;
  }
  return e;
}
}  // namespace

TEST_CASE("Extents are equal when their polynomials are") {
  CHECK((t + 1) * (t - 1) == t * t - 1);
  CHECK(b * t == t * b);
  CHECK(t - t == Extent(0));
  CHECK_FALSE(t == b);
  CHECK((t - t).is_constant());
  CHECK((t + 3 - t).constant() == 3);
  CHECK(t.as_symbol() == "time");
  CHECK_FALSE((2 * t).as_symbol());
}

TEST_CASE("Extents print with higher degrees first") {
  CHECK((1 + 4 * t).str() == "4*time + 1");
  CHECK((b * t - 2 * b + t * t).str() == "batch*time + time*time - 2*batch");
  CHECK((-1 * t).str() == "-time");
  CHECK(Extent(0).str() == "0");
  CHECK(Extent(std::numeric_limits<std::int64_t>::min()).str() == "-9223372036854775808");
}

TEST_CASE("Every extent reads back from its text") {
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    const Extent e = random_extent(random);
    INFO(e.str());
    CHECK(Extent::parse(e.str()) == e);
  }
  const Extent least = std::numeric_limits<std::int64_t>::min();
  CHECK(Extent::parse(least.str()) == least);
}

TEST_CASE("Arithmetic of extents is that of their values") {
  std::mt19937 random(2);
  const Sizes sizes{{"a", 3}, {"b", -5}, {"c", 7}};
  for (int i = 0; i < 500; ++i) {
    const Extent x = random_extent(random), y = random_extent(random);
    CHECK((x + y).evaluate(sizes) == x.evaluate(sizes) + y.evaluate(sizes));
    CHECK((x - y).evaluate(sizes) == x.evaluate(sizes) - y.evaluate(sizes));
    CHECK((x * y).evaluate(sizes) == x.evaluate(sizes) * y.evaluate(sizes));
    if (!(y == Extent(0))) CHECK((x * y).divided_by(y) == x);
  }
}

TEST_CASE("Division is exact or nothing") {
  CHECK((b * t * 6).divided_by(3 * t) == 2 * b);
  CHECK_FALSE((t + 1).divided_by(2));
  CHECK_FALSE(t.divided_by(b));
  CHECK_FALSE(t.divided_by(0));
  CHECK(Extent(0).divided_by(t) == Extent(0));
}

TEST_CASE("Symbols take values or other extents") {
  CHECK((4 * t + 1).evaluate({{"time", 64}}) == 257);
  CHECK_THROWS_WITH((4 * t + b).evaluate({{"time", 64}}), "the size of 'batch' is not known");
  CHECK((t * t).substitute({{"time", b + 1}}) == b * b + 2 * b + 1);
  CHECK((t * b + t).symbols() == std::vector<std::string>{"batch", "time"});
}

TEST_CASE("Extents that overflow are refused") {
  const Extent big = std::numeric_limits<std::int64_t>::max();
  CHECK_THROWS_AS(big + 1, Error);
  CHECK_THROWS_AS(big * 2, Error);
  CHECK_THROWS_AS((big * t).evaluate({{"time", 2}}), Error);
  CHECK_THROWS_AS(Extent(0) - Extent(std::numeric_limits<std::int64_t>::min()), Error);
}

TEST_CASE("Texts that are no extent say where") {
  CHECK_THROWS_WITH(Extent::parse("4*"), "'4*' is no extent: unexpected text at character 2");
  CHECK_THROWS_AS(Extent::parse(""), Error);
  CHECK_THROWS_AS(Extent::parse("a b"), Error);
  CHECK_THROWS_AS(Extent::parse("99999999999999999999"), Error);
}
