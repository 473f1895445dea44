#include <uwaga/ir/initial.h>

#include <cmath>

#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/random.h>

#include "tests/ir/interpreter_run.h"

using namespace uwaga;

namespace {

const Axis kIn{"in", 300}, kOut{"out", 200};

Array start(const Initial& initial, DType dtype = f32, std::int64_t seed = 1, const Axes& axes = {kIn, kOut}, const char* name = "w") {
  Graph g;
  g.scope().param(name, axes, initial, dtype);
  return initial_parameters(g, seed).at(name);
}

struct Moments {
  double mean = 0, std = 0, low = 1e300, high = -1e300;
};
Moments moments(const Array& x) {
  Moments m;
  const Doubles v = x.to_doubles();
  for (double e : v) {
    m.mean += e / static_cast<double>(v.size());
    m.low = std::min(m.low, e);
    m.high = std::max(m.high, e);
  }
  for (double e : v) m.std += (e - m.mean) * (e - m.mean) / static_cast<double>(v.size());
  m.std = std::sqrt(m.std);
  return m;
}
// Five standard errors of a mean and of a standard deviation of 60,000 draws.
constexpr double kDraws = 60000;
double mean_error(double std) { return 5 * std / std::sqrt(kDraws); }

}  // namespace

TEST_CASE("zeros, ones and constants fill parameters of any dtype") {
  CHECK(moments(start(zeros())).high == 0);
  CHECK(moments(start(ones(), bf16)).low == 1);
  CHECK(start(constant_value(0.1)).at(7) == static_cast<double>(0.1f));
  CHECK(start(constant_value(5), i32, 1, {}).item<int>() == 5);
  CHECK(start(zeros(), f32, 1, {}).rank() == 0);
}

TEST_CASE("normal values have their mean and standard deviation") {
  for (DType d : {f32, f64, bf16}) {
    const Moments m = moments(start(normal(0.02), d));
    CHECK(std::fabs(m.mean) < mean_error(0.02));
    CHECK(m.std == Approx(0.02).epsilon(0.015));
    CHECK(m.high > 3.5 * 0.02);
    CHECK(m.low < -3.5 * 0.02);
  }
  const Moments m = moments(start(normal(3, 0.5)));
  CHECK(std::fabs(m.mean - 3) < mean_error(0.5));
  CHECK(m.std == Approx(0.5).epsilon(0.015));
}

TEST_CASE("normal values are distributed as the bell curve is") {
  const Doubles v = start(normal(1)).to_doubles();
  for (double z : {-2.0, -1.0, -0.3, 0.0, 0.7, 1.5, 2.5}) {
    double below = 0;
    for (double e : v) below += e < z;
    const double p = 0.5 * std::erfc(-z / std::sqrt(2.0));
    CHECK(std::fabs(below / kDraws - p) < 5 * std::sqrt(p * (1 - p) / kDraws));
  }
}

TEST_CASE("truncated normal values follow the bell curve between two standard deviations") {
  const Doubles v = start(truncated_normal(1)).to_doubles();
  const Moments m = moments(start(truncated_normal(1)));
  CHECK(m.low >= -2);
  CHECK(m.high <= 2);
  CHECK(m.high > 1.99);
  const auto phi = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  for (double z : {-1.9, -1.0, -0.2, 0.0, 0.4, 1.3, 1.95}) {
    double below = 0;
    for (double e : v) below += e < z;
    const double p = (phi(z) - phi(-2)) / (phi(2) - phi(-2));
    CHECK(std::fabs(below / kDraws - p) < 5 * std::sqrt(p * (1 - p) / kDraws));
  }
}

TEST_CASE("uniform values stay within their ends and fill them") {
  const Moments m = moments(start(uniform(-1, 3)));
  CHECK(m.low > -1);
  CHECK(m.high < 3);
  CHECK(m.low < -0.99);
  CHECK(m.high > 2.99);
  CHECK(std::fabs(m.mean - 1) < mean_error(4 / std::sqrt(12.0)));
  CHECK(m.std == Approx(4 / std::sqrt(12.0)).epsilon(0.01));
}

TEST_CASE("fans decide the width of Xavier and Kaiming values") {
  const double xavier = std::sqrt(6.0 / 500), kaiming = std::sqrt(6.0 / (1.25 * 300));
  CHECK(moments(start(xavier_uniform())).high == Approx(xavier).epsilon(0.001));
  CHECK(moments(start(xavier_uniform({"out"}))).high == Approx(xavier).epsilon(0.001));
  CHECK(moments(start(kaiming_uniform(0.5, {"in"}))).high == Approx(kaiming).epsilon(0.001));
  const Axes three = {Axis("model", 50), Axis("head", 4), Axis("depth", 30)};
  CHECK(moments(start(xavier_uniform({"model"}), f32, 1, three)).high == Approx(std::sqrt(6.0 / 170)).epsilon(0.002));
  CHECK(moments(start(kaiming_uniform(0, {"head", "depth"}), f32, 1, three)).high == Approx(std::sqrt(6.0 / 120)).epsilon(0.002));
  CHECK_THROWS_WITH(start(xavier_uniform(), f32, 1, three), Contains("parameter 'w' has axes {model, head, depth}: name those that are inputs"));
  CHECK_THROWS_WITH(start(kaiming_uniform(0, {"time"})), Contains("parameter 'w' has no input axis 'time', only {in, out}"));
  CHECK_THROWS_WITH(start(normal(1), i32), Contains("parameter 'w' of dtype i32 cannot start random"));
}

TEST_CASE("first values depend on path and seed, and on no order of declaration or of axes") {
  CHECK(start(normal(1)) == start(normal(1)));
  CHECK(!(start(normal(1)) == start(normal(1), f32, 2)));
  CHECK(!(start(normal(1)) == start(normal(1), f32, 1, {kIn, kOut}, "v")));
  CHECK(start(normal(1)) == start(normal(1), f32, 1, {kOut, kIn}).reordered({"in", "out"}));
  Graph g;
  g.scope().param("other", {kIn}, normal(1));
  g.scope().param("w", {kIn, kOut}, normal(1));
  CHECK(initial_parameters(g, 1).at("w") == start(normal(1)));
}

TEST_CASE("a uniform draw is the middle of its step, exactly, in both modes") {
  Graph g;
  g.scope().param("w", {Axis("n", 64)}, uniform(0, 1));
  const Array typed = initial_parameters(g, 9).at("w"), exact = initial_parameters(g, 9, Mode::exact).at("w");
  CHECK(typed.to_doubles() == exact.to_doubles());
  const std::uint64_t key = random_key("w", 9);
  for (std::int64_t i = 0; i < 64; ++i) {
    const auto bits = static_cast<std::int32_t>(random_word(key, 0, static_cast<std::uint64_t>(i)));
    CHECK(typed.at(i) == ((bits >> 9) + 0x1p22 + 0.5) * 0x1p-23);
  }
}
