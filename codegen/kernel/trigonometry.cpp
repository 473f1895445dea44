// sin and cos: the argument modulo pi/2, then one of two polynomials.
#include <array>
#include <limits>
#include <vector>

#include <uwaga/codegen/kernel/internal/functions.h>

namespace uwaga::kernel::functions {
namespace {

// Binary digits of 2/pi behind 64 zeros, 32 a word.
constexpr std::array<std::int64_t, 42> kTwoOverPi = {
    0,          0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab,
    0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484,
    0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b,
    0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea,
    0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab, 0xf0cfbc20, 0x9af4361d};
constexpr int kLimbs = 6;
constexpr std::int64_t kLow = 0xffffffff;

// x = quadrant pi/2 + rest, |rest| <= pi/4; of the quadrant (an integer) only the low two bits count.
struct Reduced {
  Ex rest, quadrant;
};

// For |x| up to about 1e5 (f32) or 3e6 (f64): k pi/2 in three parts is taken off with fma; the first step is exact.
Reduced reduce_near(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const double round = f.wide() ? 0x1.8p52 : 0x1.8p23;
  const Ex t = b.fma(x, f.number(0x1.45f306dc9c883p-1), f.number(round));
  const Ex k = f.neg(t - f.number(round));
  const Ex second = f.number(f.wide() ? 0x1.1a62633145c07p-54 : -0x1.777a5cp-25);
  const Ex third = f.number(f.wide() ? -0x1.f1976b7ed8fbcp-110 : -0x1.ee59dap-50);
  const Ex r1 = b.fma(k, f.number(f.wide() ? 0x1.921fb54442d18p+0 : 0x1.921fb6p+0), x);
  const Ex r2 = b.fma(k, second, r1);
  const Ex lost = b.fma(k, third, b.fma(k, second, r1 - r2));
  return {r2 + lost, f.to_bits(t) - f.to_bits(f.number(round))};
}

// Exact for every finite x from 2^16 up (Payne and Hanek): with x = M 2^E, the digits of 2/pi that matter are those from
// weight 2^(1-E) down; M times 192 of them, modulo 4, leaves at least 75 correct bits however close x is to a multiple.
Reduced reduce_far(KernelBuilder& b, Ex x) {
  const Real f{b, DType::f64};
  const auto word = [&](std::int64_t v) { return b.integer(v); };
  const auto both = [&](Ex v, Ex w) { return b.bits(ExprKind::bit_and, v, w); };
  const auto left = [&](Ex v, Ex by) { return b.bits(ExprKind::shift_left, v, by); };
  const auto right = [&](Ex v, Ex by) { return b.bits(ExprKind::shift_right, v, by); };
  const int width = x.type().lanes;
  const Ex bits = b.let(f.to_bits(f.abs(x)));
  const Ex m = both(bits, word((std::int64_t{1} << 52) - 1)) + word(std::int64_t{1} << 52);
  const Ex offset = b.let(right(bits, word(52)) - word(1075 + 2 - 64));  // of the first digit that matters, from the table's start
  const Ex index = right(offset, word(5)), shift = both(offset, word(31));

  // Words index ... index + 6 of the table, one bit of the index at a time.
  std::vector<Ex> words;
  for (std::int64_t w : kTwoOverPi) words.push_back(b.splat(word(w), width));
  for (int bit = 32; bit >= 1; bit /= 2) {
    const Ex on = b.let(word(0) < both(index, word(bit)));
    const std::size_t count = static_cast<std::size_t>(bit - 1 + kLimbs + 1);
    std::vector<Ex> next;
    for (std::size_t i = 0; i < count; ++i) {
      const auto at = [&](std::size_t j) { return j < words.size() ? words[j] : b.splat(word(0), width); };
      next.push_back(b.select(on, at(i + static_cast<std::size_t>(bit)), at(i)));
    }
    words = std::move(next);
  }
  std::array<Ex, kLimbs> digits;  // lowest first
  for (std::size_t i = 0; i < kLimbs; ++i)
    digits[kLimbs - 1 - i] = b.let(both(left(words[i], shift), word(kLow)) + right(left(words[i + 1], shift), word(32)));

  const Ex m0 = both(m, word(kLow)), m1 = right(m, word(32));
  std::array<Ex, kLimbs> product;
  Ex carry = b.splat(word(0), width);
  for (std::size_t i = 0; i < kLimbs; ++i) {
    const Ex p = b.let(m0 * digits[i]), q = i == 0 ? b.splat(word(0), width) : b.let(m1 * digits[i - 1]);
    const Ex sum = b.let(carry + both(p, word(kLow)) + both(q, word(kLow)));
    product[i] = both(sum, word(kLow));
    carry = right(sum, word(32)) + right(p, word(32)) + right(q, word(32));
  }
  const Ex high = b.let(left(product[5], word(32)) + product[4]), low = left(product[3], word(32)) + product[2];
  const Ex quadrant = b.let(right(high + word(std::int64_t{1} << 61), word(62)));
  const Ex fraction = b.let(high - left(quadrant, word(62)));  // in units of 2^-62 of a quadrant, signed
  const Ex lead = b.let(b.cast(fraction, DType::f64));
  const Ex behind = b.cast(fraction - b.cast(lead, DType::i64), DType::f64) * f.number(0x1p-62) +
                    b.cast(right(low, word(11)), DType::f64) * f.number(0x1p-115);
  const Ex turn = b.let(lead * f.number(0x1p-62) + behind);
  const Ex rest = b.fma(turn, f.number(0x1.921fb54442d18p+0), turn * f.number(0x1.1a62633145c07p-54));
  const Ex negative = x < f.number(0);
  return {b.select(negative, f.neg(rest), rest), b.select(negative, word(0) - quadrant, quadrant)};
}

Reduced reduce(const Real& f, Ex x) {
  KernelBuilder& b = f.b;
  const Reduced near = reduce_near(f, x);
  const Ex rest = b.variable(near.rest), quadrant = b.variable(near.quadrant);
  const Ex size = f.abs(x);
  const Ex far = b.let(f.number(f.wide() ? 3e6 : 1e5) < size && size < f.number(std::numeric_limits<double>::infinity()));
  b.branch(b.any(far), [&] {
    const Reduced r = reduce_far(b, b.cast(x, DType::f64));
    b.assign(rest, b.select(far, b.cast(r.rest, f.dtype), rest));
    b.assign(quadrant, b.select(far, b.cast(r.quadrant, f.bits()), quadrant));
  });
  return {b.let(rest), b.let(quadrant)};
}

// sin of (quadrant + shift) pi/2 + rest.
Ex sine(const Real& f, const Reduced& r, std::int64_t shift) {
  KernelBuilder& b = f.b;
  const Ex z = r.rest * r.rest;
  // (sin r - r) / r^3 and (cos r - 1 + r^2 / 2) / r^4 in r^2 on [0, 0.62]; errors 2.9e-11, 2.4e-12 and 1.2e-20, 6.7e-22.
  const Ex s = f.wide() ? f.polynomial(z, {-0x1.5555555555555p-3, 0x1.111111111111p-7, -0x1.a01a01a01990ap-13,
                                           0x1.71de3a545b148p-19, -0x1.ae6454093c147p-26, 0x1.61217781a8ccdp-33,
                                           -0x1.ab13654fd392ap-41})
                        : f.polynomial(z, {-0x1.555556p-3, 0x1.11110ep-7, -0x1.a01396p-13, 0x1.6db8acp-19});
  const Ex c = f.wide() ? f.polynomial(z, {0x1.5555555555555p-5, -0x1.6c16c16c16c16p-10, 0x1.a01a01a019cf6p-16,
                                           -0x1.27e4fb7710638p-22, 0x1.1eed8de759d0dp-29, -0x1.9394b3581cec8p-37,
                                           0x1.ab746999271a1p-45})
                        : f.polynomial(z, {0x1.555556p-5, -0x1.6c16cp-10, 0x1.a015bap-16, -0x1.2520bap-22});
  const Ex sin_r = b.fma(r.rest * z, s, r.rest);
  const Ex cos_r = b.fma(z * z, c, b.fma(z, f.number(-0.5), f.number(1)));
  const Ex q = r.quadrant + f.word(shift);
  const Ex odd = f.word(0) < b.bits(ExprKind::bit_and, q, f.word(1));
  const Ex down = f.word(0) < b.bits(ExprKind::bit_and, q, f.word(2));
  const Ex value = b.select(odd, cos_r, sin_r);
  return b.select(down, f.neg(value), value);
}

}  // namespace

Ex sin(const Real& f, Ex x) { return f.b.select(equal(x, f.number(0)), x, sine(f, reduce(f, x), 0)); }
Ex cos(const Real& f, Ex x) { return sine(f, reduce(f, x), 1); }

}  // namespace uwaga::kernel::functions
