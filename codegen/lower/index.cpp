#include <uwaga/codegen/lower/index.h>

#include <numeric>

#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

std::int64_t multiple_of(Ex x, std::int64_t known) {
  const std::int64_t* c = constant_of(x);
  return c ? (*c < 0 ? -*c : *c) : known;
}

}  // namespace

const std::int64_t* constant_of(Ex x) {
  const Expr& e = x.builder->kernel().expr(x.id);
  return e.kind == ExprKind::integer ? &e.integer : nullptr;
}

Index Index::scalar(Ex value, std::int64_t multiple) { return {value, {}, 1, multiple_of(value, multiple)}; }

Index Index::ramp(Ex base, int lanes, std::int64_t multiple) {
  if (lanes == 1) return scalar(base, multiple);
  return {base, base.builder->integer(1), lanes, multiple_of(base, multiple)};
}

Index Index::any(Ex vector) { return {vector, {}, vector.type().lanes, 1}; }

Ex lanes_of(const Index& index) {
  return index.is_ramp() ? index.base.builder->ramp(index.base, index.lanes, index.stride) : index.base;
}

Index operator+(const Index& a, const Index& b) {
  if (a.is_scalar() && b.is_scalar()) return Index::scalar(a.base + b.base, std::gcd(a.multiple, b.multiple));
  if (a.is_scalar() != b.is_scalar()) {
    Index sum = a.is_scalar() ? b + a.base : a + b.base;
    if (!sum.is_scalar() && sum.is_ramp()) sum.multiple = std::gcd(a.multiple, b.multiple);
    return sum;
  }
  if (a.is_ramp() && b.is_ramp()) return {a.base + b.base, a.stride + b.stride, a.lanes, std::gcd(a.multiple, b.multiple)};
  return Index::any(lanes_of(a) + lanes_of(b));
}

Index operator+(const Index& a, Ex scalar) {
  const std::int64_t m = std::gcd(a.multiple, multiple_of(scalar, 1));
  if (a.is_scalar()) return Index::scalar(a.base + scalar, m);
  if (a.is_ramp()) return {a.base + scalar, a.stride, a.lanes, m};
  return Index::any(a.base + scalar);
}

Index operator-(const Index& a, Ex scalar) {
  const std::int64_t m = std::gcd(a.multiple, multiple_of(scalar, 1));
  if (a.is_scalar()) return Index::scalar(a.base - scalar, m);
  if (a.is_ramp()) return {a.base - scalar, a.stride, a.lanes, m};
  return Index::any(a.base - scalar);
}

Index operator*(const Index& a, Ex scalar) {
  const std::int64_t m = a.multiple * multiple_of(scalar, 1);
  if (a.is_scalar()) return Index::scalar(a.base * scalar, m);
  if (a.is_ramp()) {
    const Ex stride = a.stride * scalar;
    const std::int64_t* c = constant_of(stride);
    if (c && *c == 0) return Index::scalar(a.base * scalar, m);
    return {a.base * scalar, stride, a.lanes, m};
  }
  return Index::any(a.base * scalar);
}

namespace {

bool is_of_neighbours(const Index& a) {
  const std::int64_t* stride = a.is_ramp() ? constant_of(a.stride) : nullptr;
  return stride && *stride == 1;
}

// Do all lanes of a ramp of stride 1 lie in one run of `divisor` elements?
bool within_one_run(const Index& a, Ex divisor) {
  return is_of_neighbours(a) && a.multiple % a.lanes == 0 && a.base.builder->is_multiple(divisor, a.lanes);
}

// The lanes of a ramp of stride 1 divided: by adding to what its first lane gives what 0, 1, 2, ... give by themselves, which no
// loop changes. So there is one division of a scalar, not one for every lane.
struct Divided {
  Ex quotients, remainders;
};
Divided divided(const Index& a, Ex divisor) {
  KernelBuilder& b = *a.base.builder;
  const Ex d = b.splat(divisor, a.lanes), lane = b.ramp(b.integer(0), a.lanes);
  // The first lanes may lie before 0, under a mask.
  const Ex first = a.base + divisor * a.lanes;
  // Exact: of numbers so small no quotient that is not whole comes near a whole one.
  const Ex own = b.cast(b.apply(Op::div, {b.cast(lane, DType::f32), b.cast(d, DType::f32)}), DType::i64);
  const Ex sum = b.splat(first % divisor, a.lanes) + (lane - own * d);
  const Ex over = d < sum + 1, zero = b.splat(b.integer(0), a.lanes), one = b.splat(b.integer(1), a.lanes);
  return {b.splat(first / divisor - a.lanes, a.lanes) + own + b.select(over, one, zero), sum - b.select(over, d, zero)};
}

}  // namespace

Index operator/(const Index& a, Ex scalar) {
  const std::int64_t* d = constant_of(scalar);
  if (d && *d == 1) return a;
  const std::int64_t m = d && *d != 0 && a.multiple % *d == 0 ? a.multiple / *d : 1;
  if (a.is_scalar()) return Index::scalar(a.base / scalar, m);
  if (within_one_run(a, scalar)) return Index::scalar(a.base / scalar, m);
  if (is_of_neighbours(a)) return Index::any(divided(a, scalar).quotients);
  return Index::any(lanes_of(a) / scalar);
}

Index operator%(const Index& a, Ex scalar) {
  const std::int64_t* d = constant_of(scalar);
  if (d && *d == 1) return Index::scalar(a.base.builder->integer(0));
  const std::int64_t m = d ? std::gcd(a.multiple, *d) : 1;
  if (a.is_scalar()) return Index::scalar(a.base % scalar, m);
  if (within_one_run(a, scalar)) return {a.base % scalar, a.stride, a.lanes, m};
  if (is_of_neighbours(a)) return Index::any(divided(a, scalar).remainders);
  return Index::any(lanes_of(a) % scalar);
}

}  // namespace uwaga::kernel
