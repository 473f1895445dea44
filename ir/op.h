// The primitives, one enum for every floor. Each floor has a table with one row per op and a static_assert that none is
// missing: types and interpreter here, derivatives in autodiff/, lowering in codegen/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace uwaga {

enum class Op : std::uint8_t {
  // leaves
  input, parameter, constant, iota, random_bits,
  // elementwise, one operand
  neg, abs, exp, log, log1p, sqrt, rsqrt, sin, cos, tanh, erf, sigmoid, floor, logical_not,
  // elementwise, two operands over the same axes
  add, sub, mul, div, pow, max, min, rem, logical_and, logical_or, eq, lt,
  // elementwise, the rest
  select, cast, bitcast,
  // axes
  split, merge, broadcast, rename, slice, pad, concat, reverse, order,
  // contraction and reductions
  dot, sum, reduce_max, argmax, cumsum,
  // indices
  gather, scatter_add, dynamic_slice, dynamic_update, top_k,
  // structure
  scan, cond, call, stop_gradient, tag,
};

inline constexpr int kOps = static_cast<int>(Op::tag) + 1;

// A table over the ops: `at(op)` is its row.
template <typename Row>
struct OpTable {
  std::array<Row, kOps> rows;
  constexpr const Row& at(Op op) const { return rows[static_cast<std::size_t>(op)]; }
};

std::string_view name(Op);
std::optional<Op> parse_op(std::string_view);

constexpr bool is_leaf(Op op) { return op <= Op::random_bits; }
constexpr bool is_unary(Op op) { return op >= Op::neg && op <= Op::logical_not; }
constexpr bool is_binary(Op op) { return op >= Op::add && op <= Op::lt; }
constexpr bool is_elementwise(Op op) { return op >= Op::neg && op <= Op::bitcast; }

}  // namespace uwaga
