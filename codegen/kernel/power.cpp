// pow, and the remainder of floats.
#include <cmath>
#include <limits>

#include <uwaga/codegen/kernel/internal/functions.h>

namespace uwaga::kernel::functions {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A number as the unevaluated sum of two.
struct Pair {
  Ex high, low;
};

Pair quick_sum(Ex a, Ex b) {  // |a| >= |b|
  const Ex s = a + b;
  return {s, b - (s - a)};
}
Pair sum(Ex a, Ex b) {
  const Ex s = a + b, part = s - a;
  return {s, (a - (s - part)) + (b - part)};
}
Pair product(const Real& f, Ex a, Ex b) {
  const Ex p = a * b;
  return {p, f.b.fma(a, b, f.neg(p))};
}
Pair product(const Real& f, Pair x, Pair y) {
  const Pair p = product(f, x.high, y.high);
  return quick_sum(p.high, p.low + (x.high * y.low + x.low * y.high));
}

// log of a positive, finite x in two parts, to about 2^-65 of its size. f is f64.
Pair log_pair(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const Ex denormal = x < f.number(0x1p-1022);
  const LogParts parts = log_parts(f, b.select(denormal, x * f.number(0x1p52), x));
  const Ex e = integer_to_real(f, parts.exponent - b.select(denormal, f.word(52), f.word(0)));
  const Ex m = parts.mantissa - f.number(1);
  // s = m / (2 + m); log(1 + m) = 2 s + 2/3 s^3 + s^5 R(s^2); R on [0, 0.02945], error 1.9e-18.
  const Pair d = quick_sum(f.number(2), m);
  const Ex s1 = m / d.high;
  const Pair s = quick_sum(s1, (b.fma(f.neg(s1), d.high, m) - s1 * d.low) / d.high);
  const Pair z = product(f, s, s), cube = product(f, z, s);
  const Pair third = product(f, cube, Pair{f.number(0x1.5555555555555p-1), f.number(0x1.5555555555555p-55)});
  const Ex r = f.polynomial(z.high, {0x1.999999999999ap-2, 0x1.2492492492522p-2, 0x1.c71c71c6ea871p-3, 0x1.745d177aad02ap-3,
                                     0x1.3b1395c881220p-3, 0x1.1118c9ee5b8a4p-3, 0x1.df7c5bc7c7563p-4, 0x1.e032e4d8436a1p-4});
  const Pair ln2 = product(f, e, f.number(0x1.62e42fefa39efp-1));
  Pair total = sum(ln2.high, s.high + s.high);
  const Pair more = sum(total.high, third.high);
  const Ex low = total.low + more.low + (ln2.low + e * f.number(0x1.abc9e3b39803fp-56)) + (s.low + s.low) + third.low +
                 cube.high * z.high * r;
  return quick_sum(more.high, low);
}

// x^y for x > 0 and finite y, and whatever infinities give. f is f64.
Ex positive_power(const Real& f, Ex x, Ex y) {
  KernelBuilder& b = f.b;
  const Pair l = log_pair(f, x);
  const Pair p = product(f, l.high, y);
  const Ex low = p.low + l.low * y;
  const Ex tame = b.select(p.high < f.number(-800), f.number(-800), b.select(f.number(800) < p.high, f.number(800), p.high));
  const ExpParts parts = exp_parts(f, tame, 2 * f.bias());
  // e^(high + low) = e^high (1 + low)
  const Ex one = parts.expm1 + f.number(1);
  const Ex r = b.fma(one, b.select(f.abs(low) < f.number(1), low, f.number(0)), one);
  return scaled(f, r, parts.bits);
}

// The same of f32, computed in f64: with one number for the logarithm the product is off by some 2^-45 at most.
Ex narrow_positive_power(KernelBuilder& b, Ex x, Ex y) {
  const Real f{b, DType::f64};
  const LogParts parts = log_parts(f, b.cast(x, DType::f64));
  const Ex p = log_of(f, integer_to_real(f, parts.exponent), parts.mantissa - f.number(1)) * b.cast(y, DType::f64);
  const Ex tame = b.select(p < f.number(-200), f.number(-200), b.select(f.number(200) < p, f.number(200), p));
  const ExpParts e = exp_parts(f, tame, f.bias());
  return b.cast((e.expm1 + f.number(1)) * f.power_of_two(e.bits), DType::f32);
}

}  // namespace

Ex pow(const Real& f, Ex x, Ex y) {
  KernelBuilder& b = f.b;
  const Ex zero = f.number(0), one = f.number(1), infinite = f.number(kInfinity);
  const Ex size = f.abs(x), y_size = f.abs(y);
  Ex r = f.wide() ? positive_power(f, size, y) : narrow_positive_power(b, size, y);
  // Bases 0 and infinity, and infinite exponents.
  const Ex grows = b.select(one < size, zero < y, y < zero);  // towards infinity, where either end is reached
  const Ex end = equal(size, zero) || equal(size, infinite) || equal(y_size, infinite);
  r = b.select(end, b.select(grows, infinite, zero), r);
  const Ex whole = equal(b.apply(Op::floor, {y}), y);
  const Ex half = y * f.number(0.5);
  const Ex odd = whole && logical_not(equal(b.apply(Op::floor, {half}), half));
  const Ex negative = f.to_bits(x) < f.word(0);
  r = b.select(negative && odd, f.neg(r), r);
  const Ex undefined = (x < zero) && (size < infinite) && logical_not(whole);
  r = b.select(undefined, f.number(std::numeric_limits<double>::quiet_NaN()), r);
  r = b.select(equal(x, x) && equal(y, y), r, x + y);
  return b.select(equal(y, zero) || equal(x, one) || (equal(size, one) && equal(y_size, infinite)), one, r);
}

// |x| is reduced by |y| 2^(step j) for falling j: each quotient is below 2^step and each difference exact.
Ex rem(const Real& f, Ex x, Ex y) {
  KernelBuilder& b = f.b;
  const int step = f.mantissa() - 2, steps = (2 * static_cast<int>(f.bias()) + f.mantissa()) / step + 1;
  const Ex zero = f.number(0), infinite = f.number(kInfinity);
  const Ex divisor = b.let(f.abs(y)), rest = b.variable(f.abs(x));
  const auto reduce = [&](Ex by) {
    const Ex usable = by < infinite;
    const Ex q = b.apply(Op::floor, {rest / by});
    const Ex r = b.let(b.fma(f.neg(q), by, rest));
    const Ex low = b.select(r < zero, r + by, r);
    b.assign(rest, b.select(usable, b.select(low < by, low, low - by), rest));
  };
  const Ex far = divisor * f.number(std::ldexp(1.0, step)) < rest;
  b.branch(b.any(far), [&] {
    b.loop(b.integer(0), b.integer(steps), 1, [&](Ex i) {
      // 2^(step j) in three factors, of which the last two are equal
      const Ex e = b.cast((b.integer(steps) - i) * step, f.bits()), third = e / f.word(3);
      const Ex factor = f.power_of_two(third + f.word(f.bias())), other = f.power_of_two(e - third * f.word(2) + f.word(f.bias()));
      reduce(b.let(divisor * factor * factor * other));
    });
  });
  reduce(divisor);
  Ex r = b.let(rest);
  const Ex same = equal(b.bits(ExprKind::bit_xor, f.to_bits(x), f.to_bits(y)) < f.word(0), b.integer(0, DType::boolean));
  // The sign of the divisor: a remainder of the other sign has the divisor added.
  const Ex signed_rest = f.with_sign(r, x);
  r = b.select(equal(r, zero), f.with_sign(f.abs(r), y), b.select(same, signed_rest, signed_rest + y));
  const Ex bad = logical_not(f.abs(x) < infinite) || equal(y, zero) || logical_not(equal(y, y));
  r = b.select(bad, f.number(std::numeric_limits<double>::quiet_NaN()), r);
  // By infinity: x itself, or infinity of the other sign.
  const Ex by_infinity = equal(f.abs(y), infinite) && f.abs(x) < infinite;
  const Ex of_infinity = b.select(equal(x, zero), f.with_sign(f.abs(x), y), b.select(same, x, y));
  return b.select(by_infinity, of_infinity, r);
}

}  // namespace uwaga::kernel::functions
