// The functions of math.h, on f32 or f64, and the few tools they share.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>

#include <uwaga/codegen/kernel/build.h>

namespace uwaga::kernel::functions {

// Constants and bits of one floating dtype.
struct Real {
  KernelBuilder& b;
  DType dtype;

  bool wide() const { return dtype == DType::f64; }
  DType bits() const { return wide() ? DType::i64 : DType::i32; }
  int mantissa() const { return wide() ? 52 : 23; }
  std::int64_t bias() const { return wide() ? 1023 : 127; }

  Ex number(double value) const { return b.real(value, dtype); }
  Ex word(std::int64_t value) const { return b.integer(value, bits()); }
  Ex to_bits(Ex x) const { return b.bitcast(x, bits()); }
  Ex to_real(Ex x) const { return b.bitcast(x, dtype); }
  Ex power_of_two(Ex biased_exponent) const { return to_real(b.bits(ExprKind::shift_left, biased_exponent, word(mantissa()))); }
  Ex abs(Ex x) const { return b.apply(Op::abs, {x}); }
  Ex neg(Ex x) const { return b.apply(Op::neg, {x}); }
  Ex with_sign(Ex magnitude, Ex sign) const;  // magnitude >= 0
  // c0 + c1 x + ... by fma.
  Ex polynomial(Ex x, std::initializer_list<double> c) const;
};

// x = k ln 2 + r, |r| <= ln 2 / 2: gives e^r - 1, and an integer whose low bits are k + offset, for x within the range of exp
// and 0 <= k + offset <= 4 bias. Of k + bias, power_of_two makes 2^k: what is above these bits falls off.
struct ExpParts {
  Ex expm1, bits;
};
ExpParts exp_parts(const Real& f, Ex x, std::int64_t offset);
// v * 2^k, rounded once, given the bits of k + 2 bias.
Ex scaled(const Real& f, Ex v, Ex bits);

// x = m 2^e, m in [sqrt(1/2), sqrt 2), x positive and normal: e as an integer and m.
struct LogParts {
  Ex exponent, mantissa;
};
LogParts log_parts(const Real& f, Ex x);
Ex log_of(const Real& f, Ex e, Ex x);  // e ln 2 + log(1 + x), for x in [sqrt(1/2) - 1, sqrt 2 - 1]
Ex integer_to_real(const Real& f, Ex small);  // |small| < 2^20

Ex exp(const Real& f, Ex x);
Ex log(const Real& f, Ex x);
Ex log1p(const Real& f, Ex x);
Ex rsqrt(const Real& f, Ex x);
Ex tanh(const Real& f, Ex x);
Ex sigmoid(const Real& f, Ex x);
Ex erf(const Real& f, Ex x);
Ex sin(const Real& f, Ex x);
Ex cos(const Real& f, Ex x);
Ex pow(const Real& f, Ex x, Ex y);
Ex rem(const Real& f, Ex x, Ex y);

}  // namespace uwaga::kernel::functions
