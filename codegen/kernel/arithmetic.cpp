#include <uwaga/codegen/kernel/arithmetic.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

KernelBuilder& builder_of(Ex x) {
  check_internal(x.builder != nullptr, "an empty expression of a kernel was used");
  return *x.builder;
}
Ex unary(Op op, Ex x) { return builder_of(x).apply(op, {x}); }

}  // namespace

Ex exp(Ex x) { return unary(Op::exp, x); }
Ex log(Ex x) { return unary(Op::log, x); }
Ex log1p(Ex x) { return unary(Op::log1p, x); }
Ex sqrt(Ex x) { return unary(Op::sqrt, x); }
Ex rsqrt(Ex x) { return unary(Op::rsqrt, x); }
Ex sin(Ex x) { return unary(Op::sin, x); }
Ex cos(Ex x) { return unary(Op::cos, x); }
Ex tanh(Ex x) { return unary(Op::tanh, x); }
Ex erf(Ex x) { return unary(Op::erf, x); }
Ex sigmoid(Ex x) { return unary(Op::sigmoid, x); }
Ex pow(Ex x, Ex y) { return builder_of(x).apply(Op::pow, {x, y}); }
Ex fma(Ex a, Ex b, Ex c) { return builder_of(a).fma(a, b, c); }
Ex operator-(Ex x) { return unary(Op::neg, x); }
Ex abs(Ex x) { return unary(Op::abs, x); }
Ex floor(Ex x) { return unary(Op::floor, x); }
Ex operator>(Ex a, Ex b) { return b < a; }
Ex operator<=(Ex a, Ex b) { return a < b || equal(a, b); }
Ex operator>=(Ex a, Ex b) { return b <= a; }
Ex select(Ex condition, Ex yes, Ex no) { return builder_of(condition).select(condition, yes, no); }
Ex cast(Ex x, DType dtype) { return builder_of(x).cast(x, dtype); }

Ex constant_like(Ex like, double value) {
  KernelBuilder& b = builder_of(like);
  const DType d = like.type().dtype;
  if (is_float(d)) return b.real(value, d);
  const auto whole = static_cast<std::int64_t>(value);
  if (static_cast<double>(whole) != value) throw InternalError(fmt::format("kernel builder: the number {} beside {}", value, name(d)));
  return b.integer(whole, d);
}

}  // namespace uwaga::kernel
