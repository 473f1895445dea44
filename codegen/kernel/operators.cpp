#include <uwaga/codegen/kernel/build.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

namespace {
Ex binary(Op op, Ex a, Ex b) {
  check_internal(a.builder != nullptr, "an empty expression of a kernel was used");
  return a.builder->apply(op, {a, b});
}
Ex division(Op op, Ex a, Ex b) {
  check_internal(a.builder != nullptr, "an empty expression of a kernel was used");
  return a.builder->of_indices(op, a, b);
}
Ex like(Ex a, std::int64_t value) {
  const DType d = a.type().dtype;
  return is_float(d) ? a.builder->real(static_cast<double>(value), d) : a.builder->integer(value, d);
}
}  // namespace

Ex operator+(Ex a, Ex b) { return binary(Op::add, a, b); }
Ex operator-(Ex a, Ex b) { return binary(Op::sub, a, b); }
Ex operator*(Ex a, Ex b) { return binary(Op::mul, a, b); }
Ex operator/(Ex a, Ex b) { return division(Op::div, a, b); }
Ex operator%(Ex a, Ex b) { return division(Op::rem, a, b); }
Ex operator<(Ex a, Ex b) { return binary(Op::lt, a, b); }
Ex operator&&(Ex a, Ex b) { return binary(Op::logical_and, a, b); }
Ex operator||(Ex a, Ex b) { return binary(Op::logical_or, a, b); }
Ex logical_not(Ex a) {
  check_internal(a.builder != nullptr, "an empty expression of a kernel was used");
  return a.builder->apply(Op::logical_not, {a});
}
Ex equal(Ex a, Ex b) { return binary(Op::eq, a, b); }
Ex min(Ex a, Ex b) { return binary(Op::min, a, b); }
Ex max(Ex a, Ex b) { return binary(Op::max, a, b); }
Ex operator+(Ex a, std::int64_t b) { return a + like(a, b); }
Ex operator-(Ex a, std::int64_t b) { return a - like(a, b); }
Ex operator*(Ex a, std::int64_t b) { return a * like(a, b); }
Ex operator/(Ex a, std::int64_t b) { return a / like(a, b); }
Ex operator%(Ex a, std::int64_t b) { return a % like(a, b); }
Ex operator<(Ex a, std::int64_t b) { return a < like(a, b); }

}  // namespace uwaga::kernel
