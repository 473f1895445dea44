// Every op and cast the emitter knows, on the corners of every dtype, for every target of this machine.
#include <functional>

#include "tests/catch.h"
#include "tests/codegen/llvm/run.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// out[i] = f(a[i], b[i]), `lanes` at a time.
Kernel map2(DType in, DType out, int lanes, const std::function<Ex(Ex, Ex)>& f) {
  KernelBuilder b("loop");
  const BufferId x = b.input(in), y = b.input(in), z = b.output(out);
  const Ex n = b.argument(DType::i64);
  const Ex i = b.ramp(b.grid(n / lanes) * lanes, lanes);
  b.store(z, i, f(b.load(x, i), b.load(y, i)));
  return b.finish();
}

template <typename T, typename R>
std::vector<R> run2(const Kernel& k, const HostTarget& target, std::vector<T> a, std::vector<T> b) {
  std::vector<R> result(a.size());
  Launch launch{{a.data(), b.data(), result.data()}, {a.size()}};
  launch.run(k, compiled(k, target));
  return result;
}

template <typename T, typename R>
void check2(const char* what, const std::function<Ex(Ex, Ex)>& f, const std::function<R(T, T)>& reference) {
  std::vector<T> a, b;
  pairs(a, b);
  std::vector<R> expected;
  for (std::size_t i = 0; i < a.size(); ++i) expected.push_back(reference(a[i], b[i]));
  for (const Level& level : levels())
    for (int lanes : {1, 8}) {
      const auto got = run2<T, R>(map2(dtype_of<T>(), dtype_of<R>(), lanes, f), level.target, a, b);
      const auto at = difference(got, expected);
      INFO(what << " of " << name(dtype_of<T>()) << " on " << level.name << ", " << lanes << " lanes, pair " << at);
      CHECK(at == -1);
    }
}

std::function<Ex(Ex, Ex)> op(Op which) {
  return [which](Ex a, Ex b) {
    return is_unary(which) ? a.builder->apply(which, {a}) : a.builder->apply(which, {a, b});
  };
}

Truth truth(bool x) { return {static_cast<std::uint8_t>(x)}; }

template <typename T>
void check_real() {
  using F = std::function<T(T, T)>;
  using C = std::function<Truth(T, T)>;
  check2<T, T>("neg", op(Op::neg), F([](T a, T) { return -a; }));
  check2<T, T>("abs", op(Op::abs), F([](T a, T) { return std::fabs(a); }));
  check2<T, T>("sqrt", op(Op::sqrt), F([](T a, T) { return std::sqrt(a); }));
  check2<T, T>("floor", op(Op::floor), F([](T a, T) { return std::floor(a); }));
  check2<T, T>("add", op(Op::add), F([](T a, T b) { return a + b; }));
  check2<T, T>("sub", op(Op::sub), F([](T a, T b) { return a - b; }));
  check2<T, T>("mul", op(Op::mul), F([](T a, T b) { return a * b; }));
  check2<T, T>("div", op(Op::div), F([](T a, T b) { return a / b; }));
  check2<T, T>("max", op(Op::max), F([](T a, T b) { return a < b || std::isnan(b) ? b : a; }));
  check2<T, T>("min", op(Op::min), F([](T a, T b) { return b < a || std::isnan(b) ? b : a; }));
  check2<T, Truth>("eq", op(Op::eq), C([](T a, T b) { return truth(a == b); }));
  check2<T, Truth>("lt", op(Op::lt), C([](T a, T b) { return truth(a < b); }));
  check2<T, T>(
      "fma", [](Ex a, Ex b) { return a.builder->fma(a, b, a); }, F([](T a, T b) { return std::fma(a, b, a); }));
  check2<T, T>(
      "mul then add", [](Ex a, Ex b) { return a * b + a; }, F([](T a, T b) {
        const volatile T product = a * b;
        return product + a;
      }));
  check2<T, T>(
      "select", [](Ex a, Ex b) { return a.builder->select(a < b, b, a - b); },
      F([](T a, T b) { return a < b ? b : a - b; }));
}

template <typename T>
void check_integer() {
  using F = std::function<T(T, T)>;
  using C = std::function<Truth(T, T)>;
  using U = std::make_unsigned_t<T>;
  const auto wrap = [](auto x) { return static_cast<T>(static_cast<U>(x)); };
  const auto quotient = [](T a, T b) -> T {
    if (b == 0) return 0;
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(U{0} - static_cast<U>(a));
    const T q = static_cast<T>(a / b);
    return static_cast<T>(q - (a % b != 0 && (a < 0) != (b < 0)));
  };
  check2<T, T>("neg", op(Op::neg), F([&](T a, T) { return wrap(U{0} - static_cast<U>(a)); }));
  check2<T, T>("abs", op(Op::abs), F([&](T a, T) { return a < 0 ? wrap(U{0} - static_cast<U>(a)) : a; }));
  check2<T, T>("add", op(Op::add), F([&](T a, T b) { return wrap(static_cast<U>(a) + static_cast<U>(b)); }));
  check2<T, T>("sub", op(Op::sub), F([&](T a, T b) { return wrap(static_cast<U>(a) - static_cast<U>(b)); }));
  check2<T, T>("mul", op(Op::mul),
               F([&](T a, T b) { return wrap(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b)); }));
  check2<T, T>("div", op(Op::div), F(quotient));
  check2<T, T>("rem", op(Op::rem), F([&](T a, T b) {
                 if (b == 0) return T{0};
                 return wrap(static_cast<std::uint64_t>(a) -
                             static_cast<std::uint64_t>(quotient(a, b)) * static_cast<std::uint64_t>(b));
               }));
  check2<T, T>("max", op(Op::max), F([](T a, T b) { return std::max(a, b); }));
  check2<T, T>("min", op(Op::min), F([](T a, T b) { return std::min(a, b); }));
  check2<T, Truth>("eq", op(Op::eq), C([](T a, T b) { return truth(a == b); }));
  check2<T, Truth>("lt", op(Op::lt), C([](T a, T b) { return truth(a < b); }));
  for (std::int64_t by : {1, 4, 7}) {
    const auto constant = [by](Op which) {
      return [by, which](Ex a, Ex) { return a.builder->apply(which, {a, a.builder->integer(by, a.type().dtype)}); };
    };
    check2<T, T>("div by a constant", constant(Op::div), F([&](T a, T) { return quotient(a, static_cast<T>(by)); }));
    check2<T, T>("rem by a constant", constant(Op::rem),
                 F([&](T a, T) {  // wraps as the op does
                   return static_cast<T>(static_cast<std::uint64_t>(a) -
                                         static_cast<std::uint64_t>(quotient(a, static_cast<T>(by))) * static_cast<std::uint64_t>(by));
                 }));
  }
  const auto bits = [](ExprKind kind) { return [kind](Ex a, Ex b) { return a.builder->bits(kind, a, b); }; };
  check2<T, T>("and", bits(ExprKind::bit_and), F([](T a, T b) { return static_cast<T>(a & b); }));
  check2<T, T>("or", bits(ExprKind::bit_or), F([](T a, T b) { return static_cast<T>(a | b); }));
  check2<T, T>("xor", bits(ExprKind::bit_xor), F([](T a, T b) { return static_cast<T>(a ^ b); }));
  const auto shifted = [](ExprKind kind) {
    return [kind](Ex a, Ex b) {
      return a.builder->bits(kind, a, a.builder->bits(ExprKind::bit_and, b, a.builder->integer(7, b.type().dtype)));
    };
  };
  check2<T, T>("shift left", shifted(ExprKind::shift_left),
               F([&](T a, T b) { return wrap(static_cast<U>(a) << (static_cast<U>(b) & 7)); }));
  check2<T, T>("shift right", shifted(ExprKind::shift_right),
               F([&](T a, T b) { return wrap(static_cast<U>(a) >> (static_cast<U>(b) & 7)); }));
}

// The contract's conversion, written apart from the emitter's.
template <typename R>
R converted(double exact, bool nan) {
  if constexpr (std::is_same_v<R, Truth>) return truth(nan || exact != 0);
  if constexpr (std::is_same_v<R, Brain>) return {bf16_bits(static_cast<float>(exact))};
  if constexpr (std::is_same_v<R, Half>) return {f16_bits(static_cast<float>(exact))};
  if constexpr (std::is_floating_point_v<R>) return static_cast<R>(exact);
  if constexpr (std::is_integral_v<R>) {
    if (nan) return 0;
    const double least = static_cast<double>(std::numeric_limits<R>::min()),
                 most = static_cast<double>(std::numeric_limits<R>::max());
    if (exact <= least) return std::numeric_limits<R>::min();
    if (exact >= most) return std::numeric_limits<R>::max();
    return static_cast<R>(exact);
  }
}

template <typename T>
double as_double(T x) {
  if constexpr (std::is_same_v<T, Brain>)
    return from_bf16(x.bits);
  else if constexpr (std::is_same_v<T, Half>)
    return from_f16(x.bits);
  else if constexpr (std::is_same_v<T, Truth>)
    return x.byte;
  else
    return static_cast<double>(x);
}

template <typename T, typename R>
void check_cast() {
  std::vector<T> a = corners<T>();
  while (a.size() % 64) a.push_back(a[1]);
  std::vector<R> expected;
  for (const T& x : a) {
    if constexpr (std::is_integral_v<T> && std::is_integral_v<R>) {
      expected.push_back(static_cast<R>(x));  // integers wrap
    } else if constexpr (std::is_integral_v<T> && std::is_same_v<R, float>) {
      expected.push_back(static_cast<float>(x));
    } else {
      expected.push_back(converted<R>(as_double(x), std::isnan(as_double(x))));
    }
  }
  for (const Level& level : levels())
    for (int lanes : {1, 8}) {
      const Kernel k =
          map2(dtype_of<T>(), dtype_of<R>(), lanes, [](Ex x, Ex) { return x.builder->cast(x, dtype_of<R>()); });
      const auto got = run2<T, R>(k, level.target, a, a);
      const auto at = difference(got, expected);
      INFO(name(dtype_of<T>()) << " to " << name(dtype_of<R>()) << " on " << level.name << ", " << lanes
                               << " lanes, value " << at << " = "
                               << (at < 0 ? 0.0 : as_double(a[static_cast<std::size_t>(at)])));
      CHECK(at == -1);
    }
}

template <typename T>
void check_casts() {
  check_cast<T, double>();
  check_cast<T, float>();
  check_cast<T, std::int64_t>();
  check_cast<T, std::int32_t>();
  check_cast<T, std::int8_t>();
  check_cast<T, std::uint8_t>();
  check_cast<T, Truth>();
}

}  // namespace

TEST_CASE("floating ops of compiled kernels give IEEE's bits, and the contract's corners") {
  check_real<float>();
  check_real<double>();
}

TEST_CASE("integer ops of compiled kernels wrap, floor, and divide by zero to 0") {
  check_integer<std::int64_t>();
  check_integer<std::int32_t>();
  check_integer<std::int8_t>();
  check_integer<std::uint8_t>();
}

TEST_CASE("casts of compiled kernels truncate, saturate, round once and take NaN to 0") {
  check_casts<float>();
  check_casts<double>();
  check_casts<Brain>();
  check_casts<Half>();
  check_casts<std::int64_t>();
  check_casts<std::int32_t>();
  check_casts<std::int8_t>();
  check_casts<std::uint8_t>();
  check_casts<Truth>();
  check_cast<float, Brain>();
  check_cast<float, Half>();
}

TEST_CASE("every f32 exponent and every rounding case narrows to bf16 and f16 as the table says") {
  std::vector<float> a;
  for (std::uint32_t high = 0; high < 65536; high += 3)
    for (std::uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu, 0x1000u, 0x0fffu})
      a.push_back(std::bit_cast<float>(high << 16 | low));
  while (a.size() % 64) a.push_back(1);
  std::vector<Brain> brain;
  std::vector<Half> half;
  for (float x : a) brain.push_back({bf16_bits(x)}), half.push_back({f16_bits(x)});
  for (const Level& level : levels()) {
    INFO(level.name);
    const Kernel kb = map2(DType::f32, DType::bf16, 8, [](Ex x, Ex) { return x.builder->cast(x, DType::bf16); });
    CHECK(difference(run2<float, Brain>(kb, level.target, a, a), brain) == -1);
    const Kernel kh = map2(DType::f32, DType::f16, 8, [](Ex x, Ex) { return x.builder->cast(x, DType::f16); });
    CHECK(difference(run2<float, Half>(kh, level.target, a, a), half) == -1);
  }
}

TEST_CASE("bits move between dtypes of one size, and the high half of a product is unsigned") {
  std::vector<std::int32_t> a, b;
  pairs(a, b);
  std::vector<std::int32_t> high;
  std::vector<float> bits;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::uint64_t product = std::uint64_t{static_cast<std::uint32_t>(a[i])} * static_cast<std::uint32_t>(b[i]);
    high.push_back(static_cast<std::int32_t>(product >> 32));
    bits.push_back(std::bit_cast<float>(a[i]));
  }
  for (const Level& level : levels()) {
    INFO(level.name);
    const Kernel km =
        map2(DType::i32, DType::i32, 8, [](Ex x, Ex y) { return x.builder->bits(ExprKind::mul_high, x, y); });
    CHECK(difference(run2<std::int32_t, std::int32_t>(km, level.target, a, b), high) == -1);
    const Kernel kb = map2(DType::i32, DType::f32, 8, [](Ex x, Ex) { return x.builder->bitcast(x, DType::f32); });
    CHECK(difference(run2<std::int32_t, float>(kb, level.target, a, b), bits) == -1);
  }
}

TEST_CASE("booleans combine") {
  using C = std::function<Truth(Truth, Truth)>;
  check2<Truth, Truth>("and", op(Op::logical_and), C([](Truth a, Truth b) { return truth(a.byte && b.byte); }));
  check2<Truth, Truth>("or", op(Op::logical_or), C([](Truth a, Truth b) { return truth(a.byte || b.byte); }));
  check2<Truth, Truth>("not", op(Op::logical_not), C([](Truth a, Truth) { return truth(!a.byte); }));
  check2<Truth, Truth>("eq", op(Op::eq), C([](Truth a, Truth b) { return truth(a.byte == b.byte); }));
}

#if defined(__x86_64__)
TEST_CASE("code for wider machines than this one compiles too") {
  const HostTarget wide =
      host_target({.avx2 = true, .avx512 = true, .avx512_bf16 = true, .avx512_fp16 = true, .amx_bf16 = true});
  const HostCompiler compiler(wide, {.verify = true});
  const DType all[] = {DType::f64, DType::f32, DType::bf16, DType::f16,    DType::i64,
                       DType::i32, DType::i8,  DType::u8,   DType::boolean};
  for (DType from : all)
    for (DType to : all)
      CHECK_FALSE(
          compiler.compile(map2(from, to, 16, [to](Ex x, Ex) { return x.builder->cast(x, to); })).object.empty());
  for (DType d : {DType::f64, DType::f32, DType::i64, DType::i32, DType::i8, DType::u8})
    for (Op which : {Op::add, Op::mul, Op::div, Op::max, Op::min, Op::eq, Op::lt}) {
      const DType result = which == Op::eq || which == Op::lt ? DType::boolean : d;
      CHECK_FALSE(compiler.compile(map2(d, result, 16, op(which))).object.empty());
    }
}
#endif

TEST_CASE("an op that should have been expanded is our error, not a crash") {
  const Kernel k = map2(DType::f32, DType::f32, 8, op(Op::exp));
  CHECK_THROWS_AS(HostCompiler(levels().back().target).compile(k), InternalError);
}
