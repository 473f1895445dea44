#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

constexpr OpTable<Row> kTable = {{{
    {Op::input, nullptr, nullptr, input_whole},
    {Op::parameter, nullptr, nullptr, parameter_whole},
    {Op::constant, constant_value, no_tangent},
    {Op::iota, iota_value, no_tangent},
    {Op::random_bits, random_bits_value, no_tangent},
    {Op::neg, unary_value, linear_tangent},
    {Op::abs, unary_value, unary_tangent},
    {Op::exp, unary_value, unary_tangent},
    {Op::log, unary_value, unary_tangent},
    {Op::log1p, unary_value, unary_tangent},
    {Op::sqrt, unary_value, unary_tangent},
    {Op::rsqrt, unary_value, unary_tangent},
    {Op::sin, unary_value, unary_tangent},
    {Op::cos, unary_value, unary_tangent},
    {Op::tanh, unary_value, unary_tangent},
    {Op::erf, unary_value, unary_tangent},
    {Op::sigmoid, unary_value, unary_tangent},
    {Op::floor, unary_value, no_tangent},
    {Op::logical_not, unary_value, no_tangent},
    {Op::add, binary_value, binary_tangent},
    {Op::sub, binary_value, binary_tangent},
    {Op::mul, binary_value, binary_tangent},
    {Op::div, binary_value, binary_tangent},
    {Op::pow, binary_value, binary_tangent},
    {Op::max, binary_value, binary_tangent},
    {Op::min, binary_value, binary_tangent},
    {Op::rem, binary_value, binary_tangent},
    {Op::logical_and, binary_value, no_tangent},
    {Op::logical_or, binary_value, no_tangent},
    {Op::eq, binary_value, no_tangent},
    {Op::lt, binary_value, no_tangent},
    {Op::select, select_value, select_tangent},
    {Op::cast, cast_value, cast_tangent},
    {Op::bitcast, bitcast_value, no_tangent},
    {Op::split, split_value, linear_tangent},
    {Op::merge, merge_value, linear_tangent},
    {Op::broadcast, broadcast_value, linear_tangent},
    {Op::rename, rename_value, linear_tangent},
    {Op::slice, slice_value, linear_tangent},
    {Op::pad, pad_value, pad_tangent},
    {Op::concat, concat_value, concat_tangent},
    {Op::reverse, reverse_value, linear_tangent},
    {Op::order, order_value, linear_tangent},
    {Op::dot, dot_value, dot_tangent},
    {Op::sum, sum_value, linear_tangent},
    {Op::reduce_max, reduce_max_value, reduce_max_tangent},
    {Op::argmax, argmax_value, no_tangent},
    {Op::cumsum, cumsum_value, linear_tangent},
    {Op::gather, gather_value, gather_tangent},
    {Op::scatter_add, scatter_add_value, scatter_add_tangent},
    {Op::dynamic_slice, dynamic_slice_value, dynamic_slice_tangent},
    {Op::dynamic_update, dynamic_update_value, dynamic_update_tangent},
    {Op::top_k, top_k_value, top_k_tangent},
    {Op::scan, nullptr, nullptr, scan_whole},
    {Op::cond, nullptr, nullptr, cond_whole},
    {Op::call, nullptr, nullptr, call_whole},
    {Op::stop_gradient, identity_value, no_tangent},
    {Op::tag, identity_value, linear_tangent},
}}};

constexpr bool complete() {
  for (int i = 0; i < kOps; ++i) {
    const Row& r = kTable.rows[static_cast<std::size_t>(i)];
    if (r.op != static_cast<Op>(i) || (r.whole == nullptr) == (r.value == nullptr) || (r.value == nullptr) != (r.tangent == nullptr))
      return false;
  }
  return true;
}
static_assert(complete(), "every op has one row, in the order of the enum, that says how values and tangents are computed");

}  // namespace

const Row& row(Op op) { return kTable.at(op); }

MaybeCells no_tangent(const Site&, Operands, Operands, Operands y) { return MaybeCells(y.size()); }

MaybeCells linear_tangent(const Site& site, Operands, Operands t, Operands) {
  MaybeCells out;
  for (Dense& x : row(site.node.op).value(site, t)) out.push_back(cells(std::move(x)));
  return out;
}

Cells zeros_like(const Dense& x) { return cells(Dense(x.dtype, x.dims)); }

}  // namespace uwaga::interpreter
