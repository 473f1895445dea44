#include <cmath>

#include "tests/ir/interpreter_run.h"

using namespace uwaga;

namespace {

using Xs = std::vector<Tensor>;

Doubles floats(Tensor (*f)(Operand), const Doubles& x, Mode mode = Mode::exact, DType dtype = f32) {
  return apply([f](const Xs& t) { return f(t[0]); }, dtype, mode, x).to_doubles();
}
Doubles floats(Tensor (*f)(Operand, Operand), const Doubles& a, const Doubles& b, Mode mode = Mode::exact, DType dtype = f32) {
  return apply([f](const Xs& t) { return f(t[0], t[1]); }, dtype, mode, a, b).to_doubles();
}
Integers integers(Tensor (*f)(Operand, Operand), DType dtype, const Integers& a, const Integers& b) {
  return apply([f](const Xs& t) { return f(t[0], t[1]); }, dtype, Mode::typed, a, b).to_integers();
}
Integers integers(Tensor (*f)(Operand), DType dtype, const Integers& a) {
  return apply([f](const Xs& t) { return f(t[0]); }, dtype, Mode::typed, a).to_integers();
}
constexpr std::int64_t kMin64 = std::numeric_limits<std::int64_t>::min(), kMax64 = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("unary functions give the mathematics in exact mode") {
  check_same(floats(static_cast<Tensor (*)(Operand)>(operator-), {0.5, -2, 0}), {-0.5, 2, 0});
  check_same(floats(abs, {-0.5, 2, -kInf, kNaN}), {0.5, 2, kInf, kNaN});
  check_same(floats(exp, {0, 1, -kInf, kNaN}), {1, std::exp(1.0), 0, kNaN});
  check_same(floats(log, {1, 2, 0, -1}), {0, std::log(2.0), -kInf, kNaN});
  check_same(floats(log1p, {0, 0x1p-30, -1}), {0, std::log1p(0x1p-30), -kInf});
  check_same(floats(sqrt, {4, 2, -1}), {2, std::sqrt(2.0), kNaN});
  check_same(floats(rsqrt, {4, 0, kInf}), {0.5, kInf, 0});
  check_same(floats(sin, {0, 1, kInf}), {0, std::sin(1.0), kNaN});
  check_same(floats(cos, {0, 1}), {1, std::cos(1.0)});
  check_same(floats(tanh, {0, 1, kInf}), {0, std::tanh(1.0), 1});
  check_same(floats(erf, {0, 1, -kInf}), {0, std::erf(1.0), -1});
  check_same(floats(sigmoid, {0, kInf, -kInf, -1000}), {0.5, 1, 0, 0});
  check_same(floats(floor, {1.5, -1.5, 2, kNaN}), {1, -2, 2, kNaN});
  CHECK(floats(sigmoid, {-700})[0] == Approx(std::exp(-700.0)).epsilon(1e-14));
}

TEST_CASE("binary ops of floats") {
  check_same(floats(operator+, {1, kInf}, {2, -kInf}), {3, kNaN});
  check_same(floats(static_cast<Tensor (*)(Operand, Operand)>(operator-), {1}, {2}), {-1});
  check_same(floats(operator*, {3}, {-0.5}), {-1.5});
  check_same(floats(operator/, {1, 1, 0}, {4, 0, 0}), {0.25, kInf, kNaN});
  check_same(floats(pow, {2, 0, -8, 2}, {10, 0, 3, -1}), {1024, 1, -512, 0.5});
  check_same(floats(max, {1, kNaN, 2, 5}, {2, 1, kNaN, -5}), {2, kNaN, kNaN, 5});
  check_same(floats(min, {1, kNaN, 2, 5}, {2, 1, kNaN, -5}), {1, kNaN, kNaN, -5});
  check_same(floats(rem, {5.5, -5.5, 5.5, -5.5, 1}, {2, 2, -2, -2, 0}), {1.5, 0.5, -0.5, -1.5, kNaN});
  check_same(floats(equal, {1, kNaN, 0}, {1, kNaN, -0.0}), {1, 0, 1});
  check_same(floats(not_equal, {1, kNaN}, {1, kNaN}), {0, 1});
  check_same(floats(operator<, {1, 2, kNaN}, {2, 1, 1}), {1, 0, 0});
  check_same(floats(operator>, {1, 2, kNaN}, {2, 1, 1}), {0, 1, 0});
  check_same(floats(operator<=, {1, 2, 1, kNaN}, {2, 1, 1, 1}), {1, 0, 1, 0});
  check_same(floats(operator>=, {1, 2, 1, kNaN}, {2, 1, 1, 1}), {0, 1, 1, 0});
}

TEST_CASE("integers wrap") {
  CHECK(integers(operator+, i32, {2147483647, -2147483648LL}, {1, -1}) == Integers{-2147483648LL, 2147483647});
  CHECK(integers(operator+, i64, {kMax64}, {1}) == Integers{kMin64});
  CHECK(integers(static_cast<Tensor (*)(Operand, Operand)>(operator-), u8, {0, 5}, {1, 3}) == Integers{255, 2});
  CHECK(integers(operator*, i8, {100, -128}, {2, -1}) == Integers{-56, -128});
  CHECK(integers(operator*, i64, {kMax64}, {2}) == Integers{-2});
  CHECK(integers(static_cast<Tensor (*)(Operand)>(operator-), i32, {-2147483648LL, 7}) == Integers{-2147483648LL, -7});
  CHECK(integers(static_cast<Tensor (*)(Operand)>(operator-), u8, {1}) == Integers{255});
  CHECK(integers(abs, i8, {-128, -5}) == Integers{-128, 5});
  CHECK(integers(abs, i64, {kMin64}) == Integers{kMin64});
}

TEST_CASE("integer division floors, and by zero gives zero") {
  CHECK(integers(operator/, i32, {7, -7, 7, -7, 5, -2147483648LL}, {2, 2, -2, -2, 0, -1}) ==
        Integers{3, -4, -4, 3, 0, -2147483648LL});
  CHECK(integers(rem, i32, {7, -7, 7, -7, 5, -2147483648LL}, {2, 2, -2, -2, 0, -1}) == Integers{1, 1, -1, -1, 0, 0});
  CHECK(integers(operator/, i64, {kMin64, kMin64, kMin64}, {-1, 0, 3}) == Integers{kMin64, 0, -3074457345618258603LL});
  CHECK(integers(rem, i64, {kMin64, kMin64, kMin64}, {-1, 0, 3}) == Integers{0, 0, 1});
  CHECK(integers(max, i8, {3, -4}, {-1, 2}) == Integers{3, 2});
  CHECK(integers(min, u8, {3, 200}, {255, 2}) == Integers{3, 2});
}

TEST_CASE("logic and select") {
  CHECK(integers(logical_and, boolean, {0, 0, 1, 1}, {0, 1, 0, 1}) == Integers{0, 0, 0, 1});
  CHECK(integers(logical_or, boolean, {0, 0, 1, 1}, {0, 1, 0, 1}) == Integers{0, 1, 1, 1});
  CHECK(integers(logical_not, boolean, {0, 1}) == Integers{1, 0});
  CHECK(integers(operator<, boolean, {0, 1}, {1, 1}) == Integers{1, 0});
  const auto relu = [](const Xs& t) { return select(t[0] > 0.0, t[0], 0.0); };
  check_same(apply(relu, f32, Mode::typed, Doubles{-1, 0, 2, kNaN}).to_doubles(), {0, 0, 2, 0});
}

TEST_CASE("floats become integers by truncation, saturation, and NaN as 0") {
  const auto to = [](DType d) { return [d](const Xs& t) { return cast(t[0], d); }; };
  const Doubles x = {1.9, -1.9, 3e9, -3e9, kNaN, kInf, 1e30};
  CHECK(apply(to(i32), f32, Mode::typed, x).to_integers() ==
        Integers{1, -1, 2147483647, -2147483648LL, 0, 2147483647, 2147483647});
  CHECK(apply(to(i64), f64, Mode::typed, x).to_integers() == Integers{1, -1, 3000000000LL, -3000000000LL, 0, kMax64, kMax64});
  CHECK(apply(to(i8), f32, Mode::exact, Doubles{127.9, -128.9, 200}).to_integers() == Integers{127, -128, 127});
  CHECK(apply(to(u8), f32, Mode::typed, Doubles{-3, 255.5, 300}).to_integers() == Integers{0, 255, 255});
  CHECK(apply(to(boolean), f32, Mode::typed, Doubles{0, -0.0, 0.1, kNaN}).to_integers() == Integers{0, 0, 1, 1});
  CHECK(apply(to(i8), i32, Mode::typed, Integers{300, -129}).to_integers() == Integers{44, 127});
  CHECK(apply(to(f32), boolean, Mode::typed, Integers{0, 1}).to_doubles() == Doubles{0, 1});
}

TEST_CASE("an integer is rounded once on its way to f32") {
  const auto to = [](DType d) { return [d](const Xs& t) { return cast(t[0], d); }; };
  // 2^60 + 2^36 + 1 lies just above the middle of two floats; by way of f64 it would be the middle and fall to even.
  const std::int64_t v = (1LL << 60) + (1LL << 36) + 1;
  CHECK(apply(to(f32), i64, Mode::typed, Integers{v}).to_doubles()[0] == 0x1p60 + 0x1p37);
  CHECK(apply(to(f64), i64, Mode::typed, Integers{v}).to_doubles()[0] == 0x1p60 + 0x1p36);
}

TEST_CASE("bitcast keeps the bits") {
  const auto to = [](DType d) { return [d](const Xs& t) { return bitcast(t[0], d); }; };
  CHECK(apply(to(i32), f32, Mode::typed, Doubles{1, -2, 0.1}).to_integers() == Integers{0x3f800000, -0x40000000, 0x3dcccccd});
  CHECK(apply(to(f32), i32, Mode::typed, Integers{0x3f800000}).to_doubles() == Doubles{1});
  CHECK(apply(to(i64), f64, Mode::typed, Doubles{1}).to_integers() == Integers{0x3ff0000000000000});
  CHECK(apply(to(f16), bf16, Mode::typed, Doubles{1}).to_doubles() == Doubles{1.875});
  CHECK(apply(to(u8), i8, Mode::typed, Integers{-1}).to_integers() == Integers{255});
}

TEST_CASE("typed mode rounds each node once to its dtype, exact mode never") {
  const auto third = [](const Xs& t) { return t[0] / t[1] * t[1]; };
  const Doubles one = {1}, three = {3};
  CHECK(apply(third, f32, Mode::typed, one, three).item<double>() == static_cast<double>(1.0f / 3.0f * 3.0f));
  // Between nodes too, not only at the end: 1 + 2^-30 is 1 in f32.
  const auto lost = [](const Xs& t) { return (t[0] + 0x1p-30) - t[0]; };
  CHECK(apply(lost, f32, Mode::typed, one).item<double>() == 0);
  CHECK(apply(lost, f32, Mode::exact, one).item<double>() == 0x1p-30);
  CHECK(apply(lost, f64, Mode::typed, one).item<double>() == 0x1p-30);
  const auto quotient = [](const Xs& t) { return t[0] / t[1]; };
  CHECK(apply(quotient, f32, Mode::typed, one, three).item<double>() == static_cast<double>(1.0f / 3.0f));
  CHECK(apply(quotient, f32, Mode::exact, one, three).item<double>() == 1.0 / 3.0);
  CHECK(apply(quotient, f32, Mode::exact, one, three).dtype() == f64);
  CHECK(apply(quotient, bf16, Mode::typed, one, three).item<double>() == round_to(bf16, 1.0f / 3.0f));
  CHECK(apply(quotient, bf16, Mode::typed, one, three).dtype() == bf16);
  CHECK(apply(quotient, f16, Mode::typed, one, three).item<double>() == round_to(f16, 1.0f / 3.0f));
  // exp(1) in double, rounded once.
  CHECK(floats(exp, {1}, Mode::typed)[0] == static_cast<double>(static_cast<float>(std::exp(1.0))));
  // A cast to a narrow dtype and back is nothing in exact mode.
  const auto narrowed = [](const Xs& t) { return cast(cast(t[0] / t[1], bf16), f32); };
  CHECK(apply(narrowed, f32, Mode::exact, one, three).item<double>() == 1.0 / 3.0);
  CHECK(apply(narrowed, f32, Mode::typed, one, three).item<double>() == round_to(bf16, 1.0f / 3.0f));
  // So is the rounding of a literal.
  const auto tenth = [](const Xs& t) { return t[0] * 0.1; };
  CHECK(apply(tenth, f32, Mode::exact, one).item<double>() == 0.1);
  CHECK(apply(tenth, f32, Mode::typed, one).item<double>() == static_cast<double>(0.1f));
}

TEST_CASE("f32 arithmetic in typed mode has the bits of the processor's") {
  // Values from a small linear congruence, over many magnitudes.
  std::vector<float> a, b;
  std::uint32_t s = 12345;
  for (int i = 0; i < 2000; ++i) {
    const auto draw = [&] {
      s = s * 1664525 + 1013904223;
      return static_cast<float>(std::ldexp(static_cast<double>(s) - 0x1p31, static_cast<int>(s >> 20) % 60 - 60));
    };
    a.push_back(draw());
    b.push_back(draw());
  }
  const auto check = [&](Tensor (*f)(Operand, Operand), auto op) {
    const Array y = apply([f](const Xs& t) { return f(t[0], t[1]); }, f32, Mode::typed, a, b);
    int wrong = 0;
    for (std::size_t i = 0; i < a.size(); ++i) wrong += y.as<float>()[i] != op(a[i], b[i]);
    CHECK(wrong == 0);
  };
  check(operator+, [](float x, float y) { return x + y; });
  check(static_cast<Tensor (*)(Operand, Operand)>(operator-), [](float x, float y) { return x - y; });
  check(operator*, [](float x, float y) { return x * y; });
  check(operator/, [](float x, float y) { return x / y; });
}

TEST_CASE("elementwise ops align axes by name, whatever their order, and broadcast the smaller") {
  Graph g;
  const Tensor a = g.input("a", f32, {Axis("r", 2), Axis("c", 3)}), b = g.input("b", f32, {Axis("c", 3), Axis("r", 2)});
  const Tensor v = g.input("v", f32, {Axis("c", 3)});
  const Arrays in = {{"a", array({{"r", 2}, {"c", 3}}, std::vector<float>{1, 2, 3, 4, 5, 6})},
                     {"b", array({{"c", 3}, {"r", 2}}, std::vector<float>{10, 40, 20, 50, 30, 60})},
                     {"v", array({{"c", 3}}, std::vector<float>{100, 200, 300})}};
  CHECK(value_of(a + b, in).to_doubles() == Doubles{11, 22, 33, 44, 55, 66});
  CHECK(value_of(b + a, in).str() == "f32[c=3, r=2]");
  CHECK(value_of(a + v, in).to_doubles() == Doubles{101, 202, 303, 104, 205, 306});
  CHECK(value_of(select(a < 3.5, b, -b), in).to_doubles() == Doubles{10, -40, 20, -50, 30, -60});
}
