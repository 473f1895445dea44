// Indices along axes while expressions are built: a scalar, a ramp of lanes, or any lanes.
//
// Index maps of the graph (slice, reverse, split, merge, ...) are arithmetic on these. A ramp is kept a ramp wherever
// the arithmetic allows it, because a ramp of stride 1 becomes a vector load and any lanes become a gather. `multiple`
// is what the first lane is known to be a multiple of: it lets a ramp be divided by an extent that its lanes divide.
#pragma once

#include <cstdint>

#include <uwaga/codegen/kernel/build.h>

namespace uwaga::kernel {

struct Index {
  Ex base;                     // i64: the scalar, the first lane of a ramp, or all lanes
  Ex stride;                   // i64 scalar: present for a ramp of `lanes` lanes
  int lanes = 1;
  std::int64_t multiple = 1;   // base is a multiple of this; 0 for the constant 0

  bool is_scalar() const { return lanes == 1; }
  bool is_ramp() const { return static_cast<bool>(stride); }

  static Index scalar(Ex value, std::int64_t multiple = 1);
  static Index ramp(Ex base, int lanes, std::int64_t multiple = 1);  // of stride 1
  static Index any(Ex vector);                                       // its own lanes
};

// The constant an expression is, if it is an integer constant.
const std::int64_t* constant_of(Ex x);

Index operator+(const Index& a, const Index& b);
Index operator+(const Index& a, Ex scalar);
Index operator-(const Index& a, Ex scalar);
Index operator*(const Index& a, Ex scalar);
// Floor division and remainder by a positive scalar.
Index operator/(const Index& a, Ex scalar);
Index operator%(const Index& a, Ex scalar);

// As one i64 expression, of `lanes` lanes unless scalar.
Ex lanes_of(const Index& index);

}  // namespace uwaga::kernel
