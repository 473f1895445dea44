// Functions as polynomials: what every target computes with the same bits.
//
//   Kernel k = expand_math(schedule.kernel);   // before emission
//
// After it a kernel holds no exp, log, log1p, rsqrt, sin, cos, tanh, erf, sigmoid, pow, and no rem of floats. What is left
// to an emitter, on f32, f64, integers and booleans:
//   neg abs add sub mul div sqrt floor fma   on floats: IEEE 754, each rounded once to nearest even, denormals kept; neg
//                                            and abs touch the sign bit alone
//   add sub mul neg abs, bit operations      on integers: modulo 2^width
//   div rem                                  on integers: floor; by zero 0; the least integer by -1 wraps
//   max(a, b)                                b where a < b or b is NaN, else a  (so max(+0, -0) = +0, max(-0, +0) = -0)
//   min(a, b)                                b where b < a or b is NaN, else a
//   eq lt logical_* select any               eq and lt of a NaN are false
//   cast                                     float to integer truncates, saturates, NaN is 0; integer to float rounds once, to
//                                            bf16 and f16 by way of f32, and so does f64; to boolean: is it other than 0
//   bitcast, and moves: splat ramp lanes concat load store
//
// Errors are in units of the last place of the result, measured against 64-bit-mantissa references (tests). Bounds:
//
//                 f32   f64                        f32   f64
//   exp            1.25  1       tanh               1.5   1.5     sin, cos: of every argument, however large (beyond
//   log            1     1       erf                1     1       1e5 in f32 and 3e6 in f64 a branch reduces it exactly)
//   log1p          1.25  1.5     sigmoid            1.75  1.75    pow f32 is computed in f64
//   rsqrt          1.5   1.5     pow                0.6   2
//   sin, cos       1.75  2.25
//
// Infinities, zeros with their signs, NaN, denormals, overflow and underflow are those of C's functions.
//
// Method: argument reduction by multiples of ln 2 and of pi/2 held in two or three parts, then polynomials. Coefficients
// are Chebyshev interpolations (near-minimax) of the functions named beside them on the reduced interval, made with 50
// decimal digits and rounded to the dtype; the error given there is that of the polynomial in exact arithmetic. Reduction of
// large arguments of sin and cos: Payne and Hanek, "Radian reduction for trigonometric functions", SIGNUM 1983.
#pragma once

#include <array>

#include <uwaga/codegen/kernel/build.h>

namespace uwaga::kernel {

// Is this an op that expand_math replaces, on operands of this dtype?
bool is_expanded(Op op, DType dtype);

// The op on f32 or f64, with statements in front where it needs them.
Ex expand_op(KernelBuilder& b, Op op, Ex x, Ex y = {});

Kernel expand_math(const Kernel& kernel);

// Philox4x32-10 (ir/random.h): four words of i32 from a counter of four and a key of two.
std::array<Ex, 4> philox(KernelBuilder& b, std::array<Ex, 4> counter, std::array<Ex, 2> key);

// The four words of a block of elements, as ir/random.h's random_block: `key` and `step` are i64, one number or one a lane;
// `block` is i64. Words are i32.
std::array<Ex, 4> random_bits(KernelBuilder& b, Ex key, Ex step, Ex block);

}  // namespace uwaga::kernel
