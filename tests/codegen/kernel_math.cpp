#include <uwaga/codegen/kernel/hash.h>
#include <uwaga/ir/random.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "tests/catch.h"
#include "tests/codegen/functions.h"
#include "tests/codegen/kernel_run.h"

using namespace uwaga;
using namespace uwaga::kernel;
using namespace uwaga::test;

namespace {

template <typename T>
void holds(Op op, double bound, int each) {
  const auto x = samples<T>(each, 1 + static_cast<unsigned>(op));
  const auto y = run_elementwise<T>(op, x);
  double worst = 0;
  T where = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(y[i], reference(op, x[i]));
    if (error > worst) {
      worst = error;
      where = x[i];
    }
  }
  CAPTURE(name(op), sizeof(T), where, worst);
  if (std::getenv("UWAGA_SHOW_ULP")) WARN(name(op) << (sizeof(T) == 4 ? " f32 " : " f64 ") << worst << " ulp at " << where);
  CHECK(worst <= bound);
}

}  // namespace

TEST_CASE("what has no functions in it is expanded to itself, quotients of indices among it", "[kernel]") {
  KernelBuilder b("k");
  const BufferId x = b.input(DType::i64), y = b.output(DType::i64);
  const Ex n = b.argument(DType::i64), g = b.grid(n);
  b.loop(b.integer(0), n / 6, 1, [&](Ex i) { b.store(y, g * n + i % n, b.load(x, g) / n); });
  const Kernel k = b.finish();
  CHECK(hash(expand_math(k)) == hash(k));
}

TEST_CASE("functions keep their bounds over every exponent, and are exact at special values", "[kernel]") {
  for (const FunctionBound& row : kFunctionBounds) {
    holds<float>(row.op, row.f32, 40);
    holds<double>(row.op, row.f64, 8);
  }
}

TEST_CASE("pow keeps its bound and C's corners", "[kernel]") {
  const auto check = [](auto zero, double bound) {
    using T = decltype(zero);
    auto x = samples<T>(4, 5), y = samples<T>(4, 6);
    std::mt19937 random(3);
    std::vector<T> bases, exponents;
    const auto add = [&](T b, T e) {
      bases.push_back(b);
      exponents.push_back(e);
    };
    for (int i = 0; i < 4000; ++i) add(x[random() % x.size()], y[random() % y.size()]);
    for (int i = 0; i < 4000; ++i) {  // results all over the range
      const T base = std::fabs(x[random() % x.size()]);
      const T range = std::numeric_limits<T>::max_exponent * T(0.69);
      add(base, T(random() % 2000) / 1000 * range / std::log(base));
    }
    for (const T b : {T(0), T(1), T(2), T(0.5), std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()})
      for (const T e : {T(0), T(1), T(2), T(3), T(0.5), T(1e30), std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()})
        for (const T s : {T(1), T(-1)})
          for (const T u : {T(1), T(-1)}) add(b * s, e * u);
    const auto got = run_elementwise<T>(Op::pow, bases, exponents);
    double worst = 0;
    for (std::size_t i = 0; i < bases.size(); ++i) {
      const double error = ulps(got[i], std::pow(static_cast<long double>(bases[i]), static_cast<long double>(exponents[i])));
      if (error > 4) {
        CAPTURE(bases[i], exponents[i], got[i]);
        CHECK(error <= bound);
      }
      worst = std::max(worst, error);
    }
    if (std::getenv("UWAGA_SHOW_ULP")) WARN("pow " << worst << " ulp, " << sizeof(T) << " bytes");
    CHECK(worst <= bound);
  };
  check(float{}, 0.6);
  check(double{}, 2);
}

TEST_CASE("the remainder of floats is that of the floored quotient, exactly, whatever the quotient", "[kernel]") {
  const auto check = [](auto zero) {
    using T = decltype(zero);
    const auto x = samples<T>(1, 8), y = samples<T>(1, 9);
    std::mt19937 random(3);
    std::vector<T> a, b;
    for (int i = 0; i < 1500; ++i) {
      a.push_back(x[random() % x.size()]);
      b.push_back(y[random() % y.size()]);
    }
    const auto got = run_elementwise<T>(Op::rem, a, b);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const T r = std::fmod(a[i], b[i]);
      const T want = std::isnan(r) ? r : r == 0 ? std::copysign(T(0), b[i]) : (r < 0) != (b[i] < 0) ? r + b[i] : r;
      CAPTURE(a[i], b[i], got[i], want);
      CHECK(ulps(got[i], want) == 0);
    }
  };
  check(float{});
  check(double{});
}

TEST_CASE("random bits of kernels are those of the interpreter", "[kernel]") {
  KernelBuilder b("random");
  const BufferId out = b.output(DType::i32);
  const Ex key = b.argument(DType::i64), step = b.argument(DType::i64);
  const Ex row = b.grid(b.integer(4));
  const auto words = random_bits(b, key, step, b.ramp(row * 8, 8));
  for (int i = 0; i < 4; ++i) b.store(out, b.ramp(row * 32 + i, 8, b.integer(4)), words[static_cast<std::size_t>(i)]);
  const Kernel k = b.finish();
  std::vector<std::int32_t> got(128);
  const std::span<std::byte> buffer = bytes(got);
  const std::uint64_t arguments[2] = {0x123456789abcdef0, 0x8000000700000003};
  std::uint64_t error = 0;
  interpret(k, {&buffer, 1}, arguments, &error);
  for (std::uint64_t i = 0; i < got.size(); ++i)
    CHECK(static_cast<std::uint32_t>(got[i]) == random_word(arguments[0], static_cast<std::int64_t>(arguments[1]), i));
}
