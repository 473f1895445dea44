// exp, log and what is made of them.
#include <limits>
#include <vector>

#include <uwaga/codegen/kernel/internal/functions.h>

namespace uwaga::kernel::functions {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// (e^r - 1 - r) / r^2 on +-0.3469; errors 6.5e-8 and 1.4e-18.
Ex exp_tail(const Real& f, Ex r) {
  if (!f.wide()) return f.polynomial(r, {0x1p-1, 0x1.5554dcp-3, 0x1.555518p-5, 0x1.120be2p-7, 0x1.6d117cp-10});
  return f.polynomial(r, {0x1p-1, 0x1.5555555555557p-3, 0x1.5555555555556p-5, 0x1.11111111100bep-7, 0x1.6c16c16c162c3p-10,
                          0x1.a01a01abf85abp-13, 0x1.a01a01a6e1e2ap-16, 0x1.71de01fdbf9cap-19, 0x1.27e4db46cddd1p-22,
                          0x1.af4e554377204p-26, 0x1.1f7340dbc337ep-29});
}

}  // namespace

Ex Real::with_sign(Ex magnitude, Ex sign) const {
  const std::int64_t top = wide() ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int32_t>::min();
  const Ex sign_bit = b.bits(ExprKind::bit_and, to_bits(sign), word(top));
  return to_real(b.bits(ExprKind::bit_or, to_bits(magnitude), sign_bit));
}

Ex Real::polynomial(Ex x, std::initializer_list<double> c) const {
  const double* at = c.end();
  Ex sum = number(*--at);
  while (at != c.begin()) sum = b.fma(sum, x, number(*--at));
  return sum;
}

Ex integer_to_real(const Real& f, Ex small) {
  // 2^mantissa + n + 2^20 has n + 2^20 in its low bits.
  const double one = f.wide() ? 0x1p52 : 0x1p23;
  const std::int64_t bits = (f.bias() + f.mantissa()) << f.mantissa();
  return f.to_real(small + f.word(bits + (1 << 20))) - f.number(one + 0x1p20);
}

namespace {

// Adding it rounds to an integer, which is left in the low bits; those above are a power of two's.
double rounder(const Real& f) { return f.wide() ? 0x1.8p52 : 0x1.8p23; }

}  // namespace

ExpParts exp_parts(const Real& f, Ex x, std::int64_t offset) {
  KernelBuilder& b = f.b;
  const Ex round = f.number(rounder(f) + static_cast<double>(offset));
  const Ex t = b.fma(x, f.number(0x1.71547652b82fep+0), round);
  const Ex k = t - round;
  Ex r = b.fma(k, f.number(f.wide() ? -0x1.62e42fefa2p-1 : -0x1.62e4p-1), x);
  r = b.fma(k, f.number(f.wide() ? -0x1.9ef35793c7673p-41 : -0x1.7f7d1cp-20), r);
  return {b.fma(r * r, exp_tail(f, r), r), f.to_bits(t)};
}

Ex scaled(const Real& f, Ex v, Ex bits) {
  const Ex first = f.b.bits(ExprKind::shift_right, bits, f.word(1));
  return v * f.power_of_two(first) * f.power_of_two(bits - first);
}

// Far below what rounds to 0 both powers of two that it is scaled by are 0 themselves: what is masked by -inf is not made by
// multiplications whose results are too small, for which processors take several times as long.
Ex exp(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const Ex high = f.number(f.wide() ? 710 : 89), low = f.number(f.wide() ? -1418 : -176);  // times 1 / ln 2: -2 bias
  Ex within = b.select(high < x, high, x);  // NaN passes
  within = b.select(within < low, low, within);
  const ExpParts p = exp_parts(f, within, 2 * f.bias());
  return scaled(f, p.expm1 + f.number(1), p.bits);
}

LogParts log_parts(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const std::int64_t root = f.wide() ? 0x3fe6a09e667f3bcd : 0x3f3504f3;  // sqrt(1/2)
  const Ex above = f.to_bits(x) - f.word(root);
  const std::int64_t shift = f.bias() + 1;
  const Ex e = b.bits(ExprKind::shift_right, above + f.word(shift << f.mantissa()), f.word(f.mantissa())) - f.word(shift);
  const Ex m = b.bits(ExprKind::bit_and, above, f.word((std::int64_t{1} << f.mantissa()) - 1)) + f.word(root);
  return {e, f.to_real(m)};
}

Ex log_of(const Real& f, Ex e, Ex x) {
  KernelBuilder& b = f.b;
  const Ex half_square = x * x * f.number(0.5);
  if (!f.wide()) {
    // (log(1 + x) - x + x^2 / 2) / x^3 on the interval; error 2.9e-8.
    const Ex p = f.polynomial(x, {0x1.555554p-2, -0x1.fffffcp-3, 0x1.999d5ap-3, -0x1.555b4ap-3, 0x1.23d21ap-3, -0x1.fcf4c6p-4,
                                  0x1.dea282p-4, -0x1.d635bcp-4, 0x1.1d8ea6p-4});
    const Ex small = b.fma(e, f.number(0x1.7f7d1cp-20), x * x * x * p);
    return ((small - half_square) + x) + e * f.number(0x1.62e4p-1);
  }
  // With s = x / (2 + x): log(1 + x) = 2 s + s z R(z), z = s^2, and 2 s = x - s x. R on [0, 0.02945]; error 2.1e-18.
  const Ex s = x / (x + f.number(2)), z = s * s;
  const Ex r = z * f.polynomial(z, {0x1.5555555555555p-1, 0x1.9999999999a38p-2, 0x1.2492492476ba1p-2, 0x1.c71c72017a15cp-3,
                                    0x1.745cf8f6c9119p-3, 0x1.3b1c38474d3eep-3, 0x1.0fbe478772696p-3, 0x1.0c06cf14c641bp-3});
  const Ex small = s * (half_square + r) + e * f.number(0x1.9ef35793c7673p-41);
  return e * f.number(0x1.62e42fefa2p-1) - ((half_square - small) - x);
}

Ex log(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const Ex denormal = x < f.number(f.wide() ? 0x1p-1022 : 0x1p-126);
  const LogParts p = log_parts(f, b.select(denormal, x * f.number(f.wide() ? 0x1p52 : 0x1p23), x));
  const Ex e = p.exponent - b.select(denormal, f.word(f.mantissa()), f.word(0));
  Ex r = log_of(f, integer_to_real(f, e), p.mantissa - f.number(1));
  r = b.select(x < f.number(kInfinity), r, x);
  r = b.select(x < f.number(0), f.number(kNaN), r);
  return b.select(equal(x, f.number(0)), f.number(-kInfinity), r);
}

Ex log1p(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const LogParts p = log_parts(f, x + f.number(1));
  // (1 + x) / 2^e - 1 from x itself, rounded once; far out the 1 does not matter.
  const Ex s = f.power_of_two(f.word(f.bias()) - p.exponent);
  const Ex reduced = b.select(f.word(f.mantissa() + 5) < p.exponent, p.mantissa - f.number(1), b.fma(x, s, s - f.number(1)));
  Ex r = log_of(f, integer_to_real(f, p.exponent), reduced);
  r = b.select(x < f.number(kInfinity), r, x);
  r = b.select(x < f.number(-1), f.number(kNaN), r);
  r = b.select(equal(x, f.number(-1)), f.number(-kInfinity), r);
  return b.select(equal(x, f.number(0)), x, r);  // keeps -0
}

Ex rsqrt(const Real& f, Ex x) { return f.number(1) / f.b.apply(Op::sqrt, {x}); }

Ex tanh(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const Ex high = f.number(f.wide() ? 19.5 : 9.1);  // from here on it rounds to 1
  const Ex size = f.abs(x), a = b.select(high < size, high, size);
  // Near 0 the quotient below would round three times at the full weight of a unit each: there x + x z P(z), z = x^2, rounds
  // once. (tanh(x) / x - 1) / z in z on [0, 0.09]; errors 3.4e-10 and 2.3e-18 of the product with z.
  const Ex z = a * a;
  const Ex tail = f.wide() ? f.polynomial(z, {-0x1.5555555555555p-2, 0x1.1111111110b9fp-3, -0x1.ba1ba1b8dd76fp-5,
                                              0x1.664f47a52e33ep-6, -0x1.226de973098b5p-7, 0x1.d6b77a084310dp-9,
                                              -0x1.7ab0c8b40a0eep-10, 0x1.0bdf304f99aafp-11})
                           : f.polynomial(z, {-0x1.555556p-2, 0x1.111048p-3, -0x1.b96b3ap-5, 0x1.4d6d76p-6});
  const Ex near = b.fma(a * z, tail, a);
  const ExpParts p = exp_parts(f, a + a, f.bias());
  const Ex s = f.power_of_two(p.bits);
  const Ex t = b.fma(p.expm1, s, s - f.number(1));  // e^2a - 1
  return f.with_sign(b.select(a < f.number(0.296875), near, t / (t + f.number(2))), x);
}

// With e = e^-|x| = 2^k (1 + m): y = 1 / (1 + e) for x >= 0, and e y below. Taken as a quotient of two rounded numbers the
// latter is 2.4 units off; so what 1 + e lost to rounding goes into the product, which is scaled at the end.
Ex sigmoid(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const Ex below = f.neg(f.abs(x)), low = f.number(f.wide() ? -746 : -105), one = f.number(1);
  const ExpParts p = exp_parts(f, b.select(below < low, low, below), f.bias());        // NaN passes
  const Ex s = f.power_of_two(b.apply(Op::max, {p.bits, f.to_bits(f.number(rounder(f)))}));  // 2^k, or 0 where it does not count
  const Ex sum = b.fma(p.expm1, s, s + one), y = one / sum;
  const Ex lost = b.fma(p.expm1, s, (one - sum) + s) * y;  // of 1, in the quotient
  const Ex tail = b.fma(f.neg(lost), p.expm1 + one, p.expm1);
  return b.select(x < f.number(0), scaled(f, b.fma(y, tail, y), p.bits + f.word(f.bias())), y);
}

Ex erf(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const Ex size = f.abs(x), z = x * x;
  // erf(x) / x - 1 in x^2 on [0, 1]; errors 1.2e-9 and 1.3e-19.
  const Ex near = f.wide() ? f.polynomial(z, {0x1.06eba8214db69p-3, -0x1.812746b0379e6p-2, 0x1.ce2f21a042b30p-4,
                                              -0x1.b82ce31284e00p-6, 0x1.565bcd0dbaa38p-8, -0x1.c02db3dac435fp-11,
                                              0x1.f9a321d5b8e1ep-14, -0x1.f4d1e3183f7aep-17, 0x1.b9df224ca4b97p-20,
                                              -0x1.5f1ecb6f0764cp-23, 0x1.f7b4bf3b13964p-27, -0x1.389d4f2641625p-30,
                                              0x1.05ffd737fb32ep-34})
                           : f.polynomial(z, {0x1.06eba8p-3, -0x1.81273ep-2, 0x1.ce2d1p-4, -0x1.b7fabap-6, 0x1.541270p-8,
                                              -0x1.a45088p-11, 0x1.4a5690p-14});
  // erfc(a) e^(a^2) in (a - 2) / (a + 2), for a in [1, 4] and [1, 6]; errors 1.3e-10 and 2.4e-19.
  const Ex high = f.number(f.wide() ? 6 : 4), a = b.select(high < size, high, size);
  const Ex s = (a - f.number(2)) / (a + f.number(2));
  const Ex far = f.wide() ? f.polynomial(s, {0x1.058671b52c776p-2, -0x1.b57034efd3f72p-2, 0x1.eeea7dc8a78b7p-3,
                                             -0x1.437f0b68c0bdcp-4, 0x1.e947159797158p-9, 0x1.ca95ed532b26cp-8,
                                             -0x1.bc25a4763b3cap-11, -0x1.016b5cdbae621p-10, 0x1.6d5ef188bff89p-15,
                                             0x1.6da9701b2c57cp-13, 0x1.cdcd09b79ebebp-16, -0x1.ceb69de6e21dbp-16,
                                             -0x1.d4b0d3d3aaf27p-17, 0x1.75d432f39d289p-20, 0x1.fc947548a0e7cp-19,
                                             0x1.3c3cdeef1f68fp-20, -0x1.1dc296ab25c2bp-21, -0x1.c49d5026d94f3p-22})
                          : f.polynomial(s, {0x1.058672p-2, -0x1.b57034p-2, 0x1.eeea8p-3, -0x1.437efcp-4, 0x1.e92de2p-9,
                                             0x1.ca6a34p-8, -0x1.b69d34p-11, -0x1.ef02f6p-11});
  const ExpParts p = exp_parts(f, f.neg(a * a), f.bias());
  const Ex gauss = (p.expm1 + f.number(1)) * f.power_of_two(p.bits);
  const Ex tail = b.fma(f.neg(gauss), far, f.number(1));
  return b.select(size < f.number(1), b.fma(x, near, x), f.with_sign(tail, x));
}

}  // namespace uwaga::kernel::functions
