// How every primitive transposes: the adjoint of the op as a linear map of the operands named, the others held.
#include <uwaga/autodiff/internal/rules.h>
#include <uwaga/ir/attributes.h>

#include <algorithm>

namespace uwaga::autodiff {
namespace {

void neg_rule(const Linear& n) { n.give(0, -n.cotangent); }

void add_rule(const Linear& n) {
  for (std::size_t i = 0; i < 2; ++i)
    if (n.is_linear(i)) n.give(i, n.cotangent);
}
void sub_rule(const Linear& n) {
  if (n.is_linear(0)) n.give(0, n.cotangent);
  if (n.is_linear(1)) n.give(1, -n.cotangent);
}
void mul_rule(const Linear& n) {
  const std::size_t i = n.is_linear(0) ? 0 : 1;
  n.give(i, n.cotangent * n.fixed(1 - i));
}
void div_rule(const Linear& n) { n.give(0, n.cotangent / n.fixed(1)); }

void select_rule(const Linear& n) {
  const Tensor condition = n.fixed(0);
  if (n.is_linear(1)) n.give(1, select(condition, n.cotangent, 0.0));
  if (n.is_linear(2)) n.give(2, select(condition, 0.0, n.cotangent));
}

void cast_rule(const Linear& n) { n.give(0, cast(n.cotangent, n.type(0).dtype)); }

void split_rule(const Linear& n) {
  const auto& a = n.as<SplitAttrs>();
  Axes from;
  for (const Dim& d : a.into) from.emplace_back(d.axis);
  n.give(0, merge(n.cotangent, from, a.axis));
}
void merge_rule(const Linear& n) {
  const auto& a = n.as<MergeAttrs>();
  Axes into;
  for (const std::string& axis : a.axes) into.emplace_back(axis, n.type(0).extent(axis));
  n.give(0, split(n.cotangent, a.into, into));
}
void broadcast_rule(const Linear& n) {
  Axes added;
  for (const Dim& d : n.as<BroadcastAttrs>().dims)
    if (!n.type(0).has(d.axis)) added.emplace_back(d.axis);
  n.give(0, added.empty() ? n.cotangent : sum(n.cotangent, added));
}
void rename_rule(const Linear& n) {
  const auto& a = n.as<RenameAttrs>();
  n.give(0, rename(n.cotangent, a.to, a.from));
}

// The elements left out are zeros again.
void slice_rule(const Linear& n) {
  const auto& a = n.as<SliceAttrs>();
  const Extent whole = n.type(0).extent(a.axis);
  const Extent taken = n.node().types[0].extent(a.axis);
  const bool empty = taken == Extent(0);
  const Extent spread = empty ? Extent(0) : taken + Extent(a.step - 1) * (taken - 1);
  n.give(0, pad(n.cotangent, a.axis, a.start, whole - a.start - spread, 0.0, a.step - 1));
}

// The elements put between are left out again.
void pad_rule(const Linear& n) {
  const auto& a = n.as<PadAttrs>();
  const Extent inner = n.type(0).extent(a.axis);
  const std::int64_t step = a.interior + 1;
  if (inner == Extent(0)) {
    n.give(0, slice(n.cotangent, a.axis, a.low, a.low));
  } else if (a.interior == 0 || inner.constant()) {
    n.give(0, slice(n.cotangent, a.axis, a.low, a.low + inner + Extent(a.interior) * (inner - 1), step));
  } else {  // a whole number of steps, so that a symbolic extent stays a polynomial
    const Tensor room = pad(n.cotangent, a.axis, 0, a.interior);
    n.give(0, slice(room, a.axis, a.low, a.low + Extent(step) * inner, step));
  }
}

void concat_rule(const Linear& n) {
  const std::string& axis = n.as<AxisAttrs>().axis;
  Extent start = 0;
  for (std::size_t i = 0; i < n.node().operands.size(); ++i) {
    const Extent stop = start + n.type(i).extent(axis);
    if (n.is_linear(i)) n.give(i, slice(n.cotangent, axis, start, stop));
    start = stop;
  }
}
void reverse_rule(const Linear& n) { n.give(0, reverse(n.cotangent, n.as<AxisAttrs>().axis)); }
void order_rule(const Linear& n) { n.give(0, order(n.cotangent, axes_of(n.type(0).axes()))); }

// A dot again: over the axes that only the other operand brought, in the order it writes them.
void dot_rule(const Linear& n) {
  const std::size_t i = n.is_linear(0) ? 0 : 1;
  const Tensor other = n.fixed(1 - i);
  Axes over;
  for (const Dim& d : other.type().dims)
    if (!n.type(i).has(d.axis)) over.emplace_back(d.axis);
  n.give(i, dot(cast(n.cotangent, other.dtype()), other, over, n.type(i).dtype));
}

void sum_rule(const Linear& n) { n.give(0, broadcast_to(n.cotangent, n.type(0).dims)); }

void cumsum_rule(const Linear& n) {
  const auto& a = n.as<CumsumAttrs>();
  n.give(0, cumsum(n.cotangent, a.axis, !a.reverse));
}

// Rows are added to what the table has been given already: a tied embedding's gradient is one tensor, not the sum of two.
void gather_rule(const Linear& n) {
  const Maybe so_far = n.take(0);
  const Tensor base = so_far ? *so_far : zeros(n.cotangent.shared_graph(), n.type(0));
  n.give(0, scatter_add(base, n.fixed(1), n.cotangent, n.as<AxisAttrs>().axis));
}
void scatter_add_rule(const Linear& n) {
  if (n.is_linear(0)) n.give(0, n.cotangent);
  if (n.is_linear(2)) n.give(2, gather(n.cotangent, n.fixed(1), n.as<AxisAttrs>().axis));
}

void dynamic_slice_rule(const Linear& n) {
  const Tensor base = zeros(n.cotangent.shared_graph(), n.type(0));
  n.give(0, dynamic_update(base, n.cotangent, n.fixed(1), n.as<DynamicSliceAttrs>().axis));
}
void dynamic_update_rule(const Linear& n) {
  const std::string& axis = n.as<AxisAttrs>().axis;
  if (n.is_linear(0)) {
    const Tensor nothing = zeros(n.cotangent.shared_graph(), n.type(1));
    n.give(0, dynamic_update(n.cotangent, nothing, n.fixed(2), axis));
  }
  if (n.is_linear(1)) n.give(1, dynamic_slice(n.cotangent, n.fixed(2), axis, n.type(1).extent(axis)));
}

constexpr int kNever = 0, kFirst = 1, kSecond = 2, kThird = 4;

constexpr OpTable<TransposeRow> kTable = {{{
    {Op::input, kNever},
    {Op::parameter, kNever},
    {Op::constant, kNever},
    {Op::iota, kNever},
    {Op::random_bits, kNever},
    {Op::neg, kFirst, neg_rule},
    {Op::abs, kNever},
    {Op::exp, kNever},
    {Op::log, kNever},
    {Op::log1p, kNever},
    {Op::sqrt, kNever},
    {Op::rsqrt, kNever},
    {Op::sin, kNever},
    {Op::cos, kNever},
    {Op::tanh, kNever},
    {Op::erf, kNever},
    {Op::sigmoid, kNever},
    {Op::floor, kNever},
    {Op::logical_not, kNever},
    {Op::add, kFirst | kSecond, add_rule},
    {Op::sub, kFirst | kSecond, sub_rule},
    {Op::mul, kFirst | kSecond, mul_rule},
    {Op::div, kFirst, div_rule},
    {Op::pow, kNever},
    {Op::max, kNever},
    {Op::min, kNever},
    {Op::rem, kNever},
    {Op::logical_and, kNever},
    {Op::logical_or, kNever},
    {Op::eq, kNever},
    {Op::lt, kNever},
    {Op::select, kSecond | kThird, select_rule},
    {Op::cast, kFirst, cast_rule},
    {Op::bitcast, kNever},
    {Op::split, kFirst, split_rule},
    {Op::merge, kFirst, merge_rule},
    {Op::broadcast, kFirst, broadcast_rule},
    {Op::rename, kFirst, rename_rule},
    {Op::slice, kFirst, slice_rule},
    {Op::pad, kFirst, pad_rule},
    {Op::concat, kAnyOperand, concat_rule},
    {Op::reverse, kFirst, reverse_rule},
    {Op::order, kFirst, order_rule},
    {Op::dot, kFirst | kSecond, dot_rule},
    {Op::sum, kFirst, sum_rule},
    {Op::reduce_max, kNever},
    {Op::argmax, kNever},
    {Op::cumsum, kFirst, cumsum_rule},
    {Op::gather, kFirst, gather_rule},
    {Op::scatter_add, kFirst | kThird, scatter_add_rule},
    {Op::dynamic_slice, kFirst, dynamic_slice_rule},
    {Op::dynamic_update, kFirst | kSecond, dynamic_update_rule},
    {Op::top_k, kNever},
    // Nodes with bodies never stand in a graph of tangents: their reverse is built from the forward node (bodies.h).
    {Op::scan, kNever},
    {Op::cond, kNever},
    {Op::call, kNever},
    {Op::stop_gradient, kNever},
    {Op::tag, kNever},
}}};

constexpr bool complete() {
  for (int i = 0; i < kOps; ++i) {
    const TransposeRow& row = kTable.rows[static_cast<std::size_t>(i)];
    if (row.op != static_cast<Op>(i) || (row.linear != kNever) != (row.rule != nullptr)) return false;
  }
  return true;
}
static_assert(complete(), "every op says how it transposes, in the order of the enum");

}  // namespace

const TransposeRow& transpose_row(Op op) { return kTable.at(op); }

}  // namespace uwaga::autodiff
