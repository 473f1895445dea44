// exp, tanh and the other functions as machine code: their bounds over every exponent, and over every f32 there is.
#include "tests/codegen/functions.h"

#include <uwaga/codegen/kernel/math.h>

#include "tests/catch.h"
#include "tests/codegen/llvm/run.h"
#include "tests/count.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// y[i] = op(x[i], z[i]), a register's lanes at a time.
Kernel vectors(Op op, int lanes) {
  KernelBuilder b("loop");
  const bool two = is_binary(op);
  const BufferId x = b.input(DType::f32), z = two ? b.input(DType::f32) : 0, y = b.output(DType::f32);
  const Ex n = b.argument(DType::i64);
  const Ex at = b.ramp(b.grid(n / lanes) * lanes, lanes);
  const Ex a = b.load(x, at);
  b.store(y, at, two ? b.apply(op, {a, b.load(z, at)}) : b.apply(op, {a}));
  return expand_math(b.finish());
}

class Function {
 public:
  Function(Op op, const HostTarget& target)
      : kernel_(vectors(op, target.vector_bytes / 4)), code_(compiled(kernel_, target)) {}
  // As many results as operands, whose count is a multiple of 64.
  void run(const std::vector<float>& x, std::vector<float>& y) { launch({const_cast<float*>(x.data()), y.data()}, x.size()); }
  void run(const std::vector<float>& x, const std::vector<float>& z, std::vector<float>& y) {
    launch({const_cast<float*>(x.data()), const_cast<float*>(z.data()), y.data()}, x.size());
  }

 private:
  void launch(std::vector<void*> buffers, std::size_t n) {
    Launch one{std::move(buffers), {n}};
    one.run(kernel_, code_);
  }
  Kernel kernel_;
  HostCode code_;
};

std::vector<float> padded(std::vector<float> x) {
  while (x.size() % 64) x.push_back(1);
  return x;
}

// Runs a function over all 2^32 values and gives the largest distance from `exact`, in units of the last place. `exact`
// must be right to a millionth of a unit.
template <typename Exact>
double worst_of_all(Op op, Exact exact) {
  constexpr std::uint32_t kChunk = 1u << 18;
  Function f(op, levels().back().target);
  std::vector<float> x(kChunk), y(kChunk);
  double worst = 0;
  for (std::uint64_t begin = 0; begin < std::uint64_t{1} << 32; begin += kChunk) {
    for (std::uint32_t i = 0; i < kChunk; ++i) x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(begin) + i);
    f.run(x, y);
    for (std::uint32_t i = 0; i < kChunk; ++i) {
      if (x[i] != x[i]) {
        if (y[i] == y[i]) return 1e30;
        continue;
      }
      const double want = exact(x[i]);
      const float rounded = static_cast<float>(want);
      if (std::bit_cast<std::uint32_t>(y[i]) == std::bit_cast<std::uint32_t>(rounded)) continue;
      worst = std::max(worst, ulps(y[i], static_cast<long double>(want)));
    }
  }
  count_for_summary(std::int64_t{1} << 32, "values of f32 functions checked one by one");
  return worst;
}

}  // namespace

TEST_CASE("functions in machine code keep their bounds over every exponent, with the same bits on every target") {
  long checked = 0;
  for (const FunctionBound& row : kFunctionBounds) {
    const std::vector<float> x = padded(samples<float>(200, 17));
    std::vector<float> first;
    for (const Level& level : levels()) {
      std::vector<float> y(x.size());
      Function(row.op, level.target).run(x, y);
      INFO(name(row.op) << " on " << level.name);
      if (!first.empty()) {
        CHECK(difference(y, first) == -1);
        continue;
      }
      first = y;
      double worst = 0;
      float where = 0;
      for (std::size_t i = 0; i < x.size(); ++i)
        if (const double error = ulps(y[i], reference(row.op, x[i])); error > worst) worst = error, where = x[i];
      CAPTURE(where);
      CHECK(worst <= row.f32);
      checked += static_cast<long>(x.size());
    }
  }
  count_for_summary(checked, "values of f32 functions checked one by one");
}

TEST_CASE("pow in machine code keeps 4 units over every exponent of base and result, with the same bits on every target") {
  const std::vector<float> values = samples<float>(4, 5);
  std::mt19937 random(3);
  std::vector<float> base, exponent;
  for (int i = 0; i < 100000; ++i) {
    const float b = values[random() % values.size()];
    base.push_back(i % 2 ? b : std::fabs(b));
    // Any power at all, or one whose result is in range.
    exponent.push_back(i % 4 < 2 ? values[random() % values.size()]
                                 : static_cast<float>(static_cast<double>(random() % 20000 - 10000.0) / 10000 * 89 / std::log(std::fabs(b))));
  }
  base = padded(base), exponent = padded(exponent);
  std::vector<float> first;
  for (const Level& level : levels()) {
    std::vector<float> y(base.size());
    Function(Op::pow, level.target).run(base, exponent, y);
    INFO("pow on " << level.name);
    if (!first.empty()) {
      CHECK(difference(y, first) == -1);
      continue;
    }
    first = y;
    double worst = 0;
    float b = 0, e = 0;
    for (std::size_t i = 0; i < base.size(); ++i)
      if (const double error = ulps(y[i], std::pow(static_cast<long double>(base[i]), static_cast<long double>(exponent[i])));
          error > worst)
        worst = error, b = base[i], e = exponent[i];
    CAPTURE(b, e, worst);
    CHECK(worst <= 4);
  }
}

TEST_CASE("exp in machine code is within 1.25 units of every f32", "[slow]") {
  const double worst = worst_of_all(Op::exp, [](float x) -> double {
    if (x > 110) return std::numeric_limits<double>::infinity();
    if (x < -110) return 1e-60;  // 0 once rounded
    if (std::fabs(x) < 0x1p-20f) return 1 + static_cast<double>(x) + 0.5 * static_cast<double>(x) * static_cast<double>(x);
    return std::exp(static_cast<double>(x));
  });
  CHECK(worst <= 1.25);
}

TEST_CASE("tanh in machine code is within 1.5 units of every f32", "[slow]") {
  const double worst = worst_of_all(Op::tanh, [](float x) -> double {
    const double a = std::fabs(static_cast<double>(x)), z = a * a;
    double t = 1;
    if (a < 0x1p-5) {
      t = a * (1 + z * (-1.0 / 3 + z * (2.0 / 15 + z * (-17.0 / 315 + z * (62.0 / 2835)))));  // next: 1e-17 of it
    } else if (a < 20) {
      const double e = std::exp(-2 * a);
      t = (1 - e) / (1 + e);
    }
    return std::copysign(t, static_cast<double>(x));
  });
  CHECK(worst <= 1.5);
}
