#include <uwaga/ir/type.h>

#include <uwaga/ir/dtype.h>
#include <uwaga/ir/error.h>

#include <bit>
#include <cmath>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("A type reads back from its text") {
  for (const char* text : {"f32[]", "bf16[batch, time, head=12, depth=64]", "i32[key=4*time + 1, time]", "bool[hidden.in=3]"})
    CHECK(Type::parse(text).str() == text);
  for (const char* text : {"", "f32", "f31[a]", "f32[a", "f32[a, a]", "f32[=3]", "f32[a=]", "f32[1a]", "f32[a b]"}) {
    INFO(text);
    CHECK_THROWS_AS(Type::parse(text), Error);
  }
}

TEST_CASE("The set of axes is the type, the order is for display") {
  const Type a = Type::parse("f32[x=2, y=3]"), b = Type::parse("f32[y=3, x=2]");
  CHECK(same_type(a, b));
  CHECK_FALSE(a == b);
  CHECK_FALSE(same_type(a, Type::parse("f32[x=2, y=4]")));
  CHECK_FALSE(same_type(a, Type::parse("f32[x=2]")));
  CHECK_FALSE(same_type(a, a.with_dtype(f64)));
  CHECK(same_axes(a, a.with_dtype(f64)));
  CHECK(a.elements() == Extent(6));
  CHECK(a.without({"x"}).str() == "f32[y=3]");
}

TEST_CASE("Axis names are words") {
  for (const char* good : {"a", "hidden.in", "_x9"}) CHECK(is_axis_name(good));
  for (const char* bad : {"", "9a", "a b", "a-b", ".a", "a,"}) CHECK_FALSE(is_axis_name(bad));
}

TEST_CASE("Narrow floats round to nearest, ties to even, and come back") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto b = static_cast<std::uint16_t>(bits);
    if (!std::isnan(from_bf16(b))) REQUIRE(bf16_bits(from_bf16(b)) == b);
    if (!std::isnan(from_f16(b))) REQUIRE(f16_bits(from_f16(b)) == b);
  }
  CHECK(round_to(bf16, 1 + 0x1p-8) == 1.0);
  CHECK(round_to(bf16, 1 + 3 * 0x1p-8) == 1 + 0x1p-6);
  CHECK(round_to(f16, 65519.0) == 65504.0);
  CHECK(std::isinf(round_to(f16, 65520.0)));
  CHECK(round_to(f16, 0x1p-25) == 0.0);
  CHECK(round_to(f16, 0x1.8p-25) == 0x1p-24);
  CHECK(std::isnan(from_bf16(bf16_bits(std::nanf("")))));
}
