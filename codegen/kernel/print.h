// A kernel as text, for people and for approved listings in tests.
//
//   kernel loop(b0: in f32, b1: out f32, a0: i64)
//   for task v0 < (a0 + 7) / 8
//     e6 = ramp(v0 * 8, 8)  #0 i64x8
//     e8 = e6 < splat(a0, 8)  #1 boolx8
//     store b1[e6] = exp(load b0[e6 if e8]) if e8  #1
//
// Expressions that are used more than once and are neither constants, variables nor arguments get a line `e7 = ...` of their own
// in front of the first statement that uses them (text only: the kernel fixes values with let alone). #n is the ordinal.
#pragma once

#include <string>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel {

std::string print(const Kernel& kernel);

}  // namespace uwaga::kernel
