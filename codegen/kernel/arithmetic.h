// The rest of the arithmetic that kernels are written with: functions, unary minus, comparisons, plain C++ numbers.
//
//   const Ex z = x * 0.5;
//   const Ex y = select(z > 0, log1p(exp(-z)), tanh(z) / 3);
//
// As in build.h: operands of one type, a scalar beside a vector is splat, and a C++ number takes the dtype of the operand it
// stands beside (InternalError where that is an integer dtype and the number is not whole). Each op is rounded once.
#pragma once

#include <concepts>

#include <uwaga/codegen/kernel/build.h>

namespace uwaga::kernel {

// Of f32 and f64.
Ex exp(Ex x);
Ex log(Ex x);
Ex log1p(Ex x);
Ex sqrt(Ex x);
Ex rsqrt(Ex x);
Ex sin(Ex x);
Ex cos(Ex x);
Ex tanh(Ex x);
Ex erf(Ex x);
Ex sigmoid(Ex x);
Ex pow(Ex x, Ex y);
Ex fma(Ex a, Ex b, Ex c);  // a * b + c, rounded once
// Of integers too.
Ex operator-(Ex x);
Ex abs(Ex x);
Ex floor(Ex x);
Ex operator>(Ex a, Ex b);
Ex operator<=(Ex a, Ex b);  // false where either is NaN
Ex operator>=(Ex a, Ex b);
Ex select(Ex condition, Ex yes, Ex no);
Ex cast(Ex x, DType dtype);

// A C++ number as a constant of the dtype of `like`.
Ex constant_like(Ex like, double value);

// What numbers are written beside expressions: int is left to build.h where build.h has it.
template <typename T>
concept Number = std::integral<T> || std::floating_point<T>;

template <std::floating_point T>
Ex operator+(Ex a, T b) { return a + constant_like(a, b); }
template <std::floating_point T>
Ex operator-(Ex a, T b) { return a - constant_like(a, b); }
template <std::floating_point T>
Ex operator*(Ex a, T b) { return a * constant_like(a, b); }
template <std::floating_point T>
Ex operator/(Ex a, T b) { return a / constant_like(a, b); }
template <std::floating_point T>
Ex operator<(Ex a, T b) { return a < constant_like(a, b); }
template <Number T>
Ex operator+(T a, Ex b) { return constant_like(b, static_cast<double>(a)) + b; }
template <Number T>
Ex operator-(T a, Ex b) { return constant_like(b, static_cast<double>(a)) - b; }
template <Number T>
Ex operator*(T a, Ex b) { return constant_like(b, static_cast<double>(a)) * b; }
template <Number T>
Ex operator/(T a, Ex b) { return constant_like(b, static_cast<double>(a)) / b; }
template <Number T>
Ex operator<(T a, Ex b) { return constant_like(b, static_cast<double>(a)) < b; }
template <Number T>
Ex operator>(Ex a, T b) { return a > constant_like(a, static_cast<double>(b)); }
template <Number T>
Ex operator>(T a, Ex b) { return constant_like(b, static_cast<double>(a)) > b; }
template <Number T>
Ex operator<=(Ex a, T b) { return a <= constant_like(a, static_cast<double>(b)); }
template <Number T>
Ex operator>=(Ex a, T b) { return a >= constant_like(a, static_cast<double>(b)); }
template <Number T>
Ex equal(Ex a, T b) { return equal(a, constant_like(a, static_cast<double>(b))); }
template <Number T>
Ex min(Ex a, T b) { return min(a, constant_like(a, static_cast<double>(b))); }
template <Number T>
Ex max(Ex a, T b) { return max(a, constant_like(a, static_cast<double>(b))); }
template <Number T>
Ex select(Ex condition, Ex yes, T no) { return select(condition, yes, constant_like(yes, static_cast<double>(no))); }
template <Number T>
Ex select(Ex condition, T yes, Ex no) { return select(condition, constant_like(no, static_cast<double>(yes)), no); }

}  // namespace uwaga::kernel
