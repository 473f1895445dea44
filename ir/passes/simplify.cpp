// Rules that hold to the bit. What does not, and is therefore absent: x + 0 (-0 + 0 is +0), x * 0 and x - x (NaN, infinity),
// x * -1 = -x (the sign of NaN), any reassociation, and sums over nothing.
#include <cmath>

#include <algorithm>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/passes/rules.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {
namespace {

using Result = std::optional<Value>;

// f(f(x)) = x
template <Op op>
Result involution(const Site& s) {
  if (s.def(0).op == op) return s.def(0).operands[0];
  return {};
}
// f(g(x)) = f(x)
template <Op op, Op inner>
Result absorbs(const Site& s) {
  if (s.def(0).op == inner) return s.emit(op, s.attributes, {s.def(0).operands[0]}, {s.operands[0]});
  return {};
}
// f(x, x) = x
Result idempotent(const Site& s) {
  if (s.operands[0] == s.operands[1]) return s.operands[0];
  return {};
}

bool is_number(const Site& s, std::size_t operand, double value) {
  const auto v = s.number(s.operands[operand]);
  return v && v->as_double() == value && std::signbit(v->as_double()) == std::signbit(value);
}

Result add_zero(const Site& s) {
  const double zero = is_float(s.type(s.operands[0]).dtype) ? -0.0 : 0.0;
  if (is_number(s, 1, zero)) return s.operands[0];
  if (is_number(s, 0, zero)) return s.ordered(s.operands[1], s.type(s.operands[0]));
  return {};
}
Result subtract_zero(const Site& s) {
  if (is_number(s, 1, 0.0)) return s.operands[0];
  return {};
}
Result times_one(const Site& s) {
  if (is_number(s, 1, 1.0)) return s.operands[0];
  if (is_number(s, 0, 1.0)) return s.ordered(s.operands[1], s.type(s.operands[0]));
  return {};
}
Result by_one(const Site& s) {
  if (is_number(s, 1, 1.0)) return s.operands[0];
  return {};
}
// Of f64 a power may be off by more than a product.
Result to_the_second(const Site& s) {
  if (!is_number(s, 1, 2.0) || s.type(s.operands[0]).dtype == DType::f64) return {};
  return s.emit(Op::mul, NoAttrs{}, {s.operands[0], s.operands[0]}, {s.operands[0]});
}
template <int neutral>
Result logical(const Site& s) {
  for (std::size_t i : {std::size_t{0}, std::size_t{1}})
    if (const auto v = s.number(s.operands[i]))
      return s.ordered(s.operands[v->as_integer() == neutral ? 1 - i : i], s.type(s.operands[0]));
  return {};
}

Result select_constant(const Site& s) {
  const auto c = s.number(s.operands[0]);
  if (!c) return {};
  return s.ordered(s.operands[c->as_integer() ? 1 : 2], s.type(s.operands[1]));
}
Result select_same(const Site& s) {
  if (s.operands[1] == s.operands[2]) return s.operands[1];
  return {};
}
Result select_not(const Site& s) {
  if (s.def(0).op != Op::logical_not) return {};
  // The result keeps the order of axes of what was the first choice.
  return s.ordered(s.emit(Op::select, NoAttrs{}, {s.def(0).operands[0], s.operands[2], s.operands[1]}, {s.operands[0]}),
                   s.type(s.operands[1]));
}

// Every value of `from` is one of `to`.
bool embeds(DType from, DType to) {
  if (from == to || from == DType::boolean) return true;
  const auto digits = [](DType d) {  // of the significand, or of an integer's magnitude
    switch (d) {
      case DType::f64: return 53;
      case DType::f32: return 24;
      case DType::bf16: return 8;
      case DType::f16: return 11;
      case DType::i64: return 63;
      case DType::i32: return 31;
      case DType::i8: return 7;
      case DType::u8: return 8;
      default: return 1;
    }
  };
  if (to == DType::boolean || (is_float(from) && !is_float(to))) return false;
  if (is_float(from)) return digits(from) < digits(to) && !(from == DType::bf16 && to == DType::f16);
  if (is_float(to)) return digits(from) <= digits(to);
  return from == DType::u8 ? to == DType::i32 || to == DType::i64 : digits(from) <= digits(to) && to != DType::u8;
}

Result cast_to_same(const Site& s) {
  if (s.type(s.operands[0]).dtype == s.as<CastAttrs>().dtype) return s.operands[0];
  return {};
}
Result cast_of_exact_cast(const Site& s) {
  const Node& inner = s.def(0);
  if (inner.op != Op::cast) return {};
  const Value x = inner.operands[0];
  const DType from = s.type(x).dtype, through = inner.types[0].dtype, to = s.as<CastAttrs>().dtype;
  if (!embeds(from, through)) return {};
  // From a float an integer saturates, from an integer it wraps.
  if (!is_float(from) && is_float(through) && !is_float(to) && !embeds(from, to)) return {};
  return s.emit(Op::cast, CastAttrs{to}, {x}, {s.operands[0]});
}
Result bitcast_of_bitcast(const Site& s) {
  if (s.def(0).op == Op::bitcast) return s.emit(Op::bitcast, s.attributes, {s.def(0).operands[0]}, {s.operands[0]});
  return {};
}

// f(broadcast x) = broadcast f(x): fewer elements, and constants meet.
template <Op op>
Result below_broadcast(const Site& s) {
  if (s.def(0).op != Op::broadcast) return {};
  const Value small = s.emit(op, s.attributes, {s.def(0).operands[0]});
  return s.emit(Op::broadcast, s.def(0).attributes, {small}, {s.operands[0]});
}
template <Op op>
Result both_below_broadcast(const Site& s) {
  if (s.def(0).op != Op::broadcast || s.def(1).op != Op::broadcast) return {};
  const Value a = s.def(0).operands[0], b = s.def(1).operands[0];
  if (!same_axes(s.type(a), s.type(b))) return {};
  const Dims dims = s.type(s.operands[0]).dims;
  const Value small = s.emit(op, NoAttrs{}, {a, b});
  return s.emit(Op::broadcast, BroadcastAttrs{dims}, {small}, {s.operands[0], s.operands[1]});
}

Result rename_to_same(const Site& s) {
  if (s.as<RenameAttrs>().from == s.as<RenameAttrs>().to) return s.operands[0];
  return {};
}
Result rename_of_rename(const Site& s) {
  const auto& a = s.as<RenameAttrs>();
  const Node& inner = s.def(0);
  if (inner.op != Op::rename || inner.as<RenameAttrs>().to != a.from) return {};
  return s.emit(Op::rename, RenameAttrs{inner.as<RenameAttrs>().from, a.to}, {inner.operands[0]}, {s.operands[0]});
}
Result order_as_is(const Site& s) {
  if (s.type(s.operands[0]).axes() == s.as<OrderAttrs>().axes) return s.operands[0];
  return {};
}
Result broadcast_as_is(const Site& s) {
  const auto& dims = s.as<BroadcastAttrs>().dims;
  const Type& t = s.type(s.operands[0]);
  if (t.dims.size() == dims.size()) return s.ordered(s.operands[0], {t.dtype, dims});
  return {};
}
Result broadcast_of_broadcast(const Site& s) {
  if (s.def(0).op != Op::broadcast) return {};
  return s.emit(Op::broadcast, s.attributes, {s.def(0).operands[0]}, {s.operands[0]});
}
Result broadcast_of_order(const Site& s) {
  if (s.def(0).op != Op::order) return {};
  return s.emit(Op::broadcast, s.attributes, {s.def(0).operands[0]}, {s.operands[0]});
}
Result split_of_merge(const Site& s) {
  const auto& a = s.as<SplitAttrs>();
  const Node& inner = s.def(0);
  if (inner.op != Op::merge || inner.as<MergeAttrs>().into != a.axis) return {};
  const auto& axes = inner.as<MergeAttrs>().axes;
  const Value x = inner.operands[0];
  if (axes.size() != a.into.size()) return {};
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != a.into[i].axis || !(s.type(x).extent(axes[i]) == a.into[i].extent)) return {};
  Type like{s.type(x).dtype, {}};
  for (const Dim& d : inner.types[0].dims) {
    if (d.axis != a.axis) like.dims.push_back(d);
    else for (const Dim& part : a.into) like.dims.push_back(part);
  }
  return s.ordered(x, like);
}
Result split_into_one(const Site& s) {
  const auto& a = s.as<SplitAttrs>();
  if (a.into.size() == 1) return s.emit(Op::rename, RenameAttrs{a.axis, a.into[0].axis}, {s.operands[0]});
  return {};
}
Result merge_of_split(const Site& s) {
  const auto& a = s.as<MergeAttrs>();
  const Node& inner = s.def(0);
  if (inner.op != Op::split) return {};
  const auto& split = inner.as<SplitAttrs>();
  if (split.into.size() != a.axes.size()) return {};
  for (std::size_t i = 0; i < a.axes.size(); ++i)
    if (split.into[i].axis != a.axes[i]) return {};
  return s.emit(Op::rename, RenameAttrs{split.axis, a.into}, {inner.operands[0]}, {s.operands[0]});
}
Result merge_of_one(const Site& s) {
  const auto& a = s.as<MergeAttrs>();
  if (a.axes.size() == 1) return s.emit(Op::rename, RenameAttrs{a.axes[0], a.into}, {s.operands[0]});
  return {};
}
Result slice_of_all(const Site& s) {
  const auto& a = s.as<SliceAttrs>();
  if (a.step == 1 && a.start == Extent(0) && a.stop == s.type(s.operands[0]).extent(a.axis)) return s.operands[0];
  return {};
}
Result slice_of_slice(const Site& s) {
  const auto& a = s.as<SliceAttrs>();
  if (s.def(0).op != Op::slice) return {};
  const auto& b = s.def(0).as<SliceAttrs>();
  if (a.axis != b.axis || b.step != 1) return {};
  return s.emit(Op::slice, SliceAttrs{a.axis, b.start + a.start, b.start + a.stop, a.step}, {s.def(0).operands[0]}, {s.operands[0]});
}
Result pad_by_nothing(const Site& s) {
  const auto& a = s.as<PadAttrs>();
  if (a.low == Extent(0) && a.high == Extent(0) && a.interior == 0) return s.operands[0];
  return {};
}
Result concat_of_one(const Site& s) {
  if (s.operands.size() == 1) return s.operands[0];
  return {};
}
Result reverse_of_reverse(const Site& s) {
  if (s.def(0).op == Op::reverse && s.def(0).as<AxisAttrs>().axis == s.as<AxisAttrs>().axis) return s.def(0).operands[0];
  return {};
}
// What is reduced needs no other name before.
template <Op op>
Result reduction_of_rename(const Site& s) {
  if (s.def(0).op != Op::rename) return {};
  const auto& inner = s.def(0).as<RenameAttrs>();
  AxisNames over = s.as<ReduceAttrs>().over;
  const auto renamed = std::find(over.begin(), over.end(), inner.to);
  if (renamed == over.end()) return {};
  *renamed = inner.from;
  return s.emit(op, ReduceAttrs{over}, {s.def(0).operands[0]}, {s.operands[0]});
}
Result maximum_over_nothing(const Site& s) {
  if (s.as<ReduceAttrs>().over.empty()) return s.operands[0];
  return {};
}

template <Op op>
constexpr Rule lower() { return {"unary below broadcast", op, below_broadcast<op>}; }
template <Op op>
constexpr Rule lower_both() { return {"binary below broadcast", op, both_below_broadcast<op>}; }

constexpr Rule kRules[] = {
    {"neg neg", Op::neg, involution<Op::neg>},
    {"not not", Op::logical_not, involution<Op::logical_not>},
    {"abs abs", Op::abs, absorbs<Op::abs, Op::abs>},
    {"abs neg", Op::abs, absorbs<Op::abs, Op::neg>},
    {"x + (-0), integer x + 0", Op::add, add_zero},
    {"x - 0", Op::sub, subtract_zero},
    {"x * 1", Op::mul, times_one},
    {"x / 1", Op::div, by_one},
    {"x ^ 1", Op::pow, by_one},
    {"x ^ 2", Op::pow, to_the_second},
    {"max(x, x)", Op::max, idempotent},
    {"min(x, x)", Op::min, idempotent},
    {"x and x", Op::logical_and, idempotent},
    {"x or x", Op::logical_or, idempotent},
    {"x and constant", Op::logical_and, logical<1>},
    {"x or constant", Op::logical_or, logical<0>},
    {"select by a constant", Op::select, select_constant},
    {"select of one value", Op::select, select_same},
    {"select by not", Op::select, select_not},
    {"cast to its dtype", Op::cast, cast_to_same},
    {"cast of an exact cast", Op::cast, cast_of_exact_cast},
    {"bitcast to its dtype", Op::bitcast, cast_to_same},
    {"bitcast of bitcast", Op::bitcast, bitcast_of_bitcast},
    {"rename to its name", Op::rename, rename_to_same},
    {"rename of rename", Op::rename, rename_of_rename},
    {"order as it is", Op::order, order_as_is},
    {"order of order", Op::order, absorbs<Op::order, Op::order>},
    {"broadcast of no axis", Op::broadcast, broadcast_as_is},
    {"broadcast of broadcast", Op::broadcast, broadcast_of_broadcast},
    {"broadcast of order", Op::broadcast, broadcast_of_order},
    {"split of merge", Op::split, split_of_merge},
    {"split into one", Op::split, split_into_one},
    {"merge of split", Op::merge, merge_of_split},
    {"merge of one", Op::merge, merge_of_one},
    {"slice of all", Op::slice, slice_of_all},
    {"slice of slice", Op::slice, slice_of_slice},
    {"pad by nothing", Op::pad, pad_by_nothing},
    {"concat of one", Op::concat, concat_of_one},
    {"reverse of reverse", Op::reverse, reverse_of_reverse},
    {"sum of rename", Op::sum, reduction_of_rename<Op::sum>},
    {"maximum of rename", Op::reduce_max, reduction_of_rename<Op::reduce_max>},
    {"maximum over nothing", Op::reduce_max, maximum_over_nothing},
    lower<Op::neg>(), lower<Op::abs>(), lower<Op::exp>(), lower<Op::log>(), lower<Op::log1p>(), lower<Op::sqrt>(),
    lower<Op::rsqrt>(), lower<Op::sin>(), lower<Op::cos>(), lower<Op::tanh>(), lower<Op::erf>(), lower<Op::sigmoid>(),
    lower<Op::floor>(), lower<Op::logical_not>(), lower<Op::cast>(), lower<Op::bitcast>(),
    lower_both<Op::add>(), lower_both<Op::sub>(), lower_both<Op::mul>(), lower_both<Op::div>(), lower_both<Op::pow>(),
    lower_both<Op::max>(), lower_both<Op::min>(), lower_both<Op::rem>(), lower_both<Op::logical_and>(),
    lower_both<Op::logical_or>(), lower_both<Op::eq>(), lower_both<Op::lt>(),
};

Result skip(const Site& s) { return s.operands[0]; }
constexpr Rule kStrip[] = {{"stop_gradient", Op::stop_gradient, skip}, {"tag", Op::tag, skip}};

}  // namespace

Graph simplify(const Graph& graph) { return apply_rules(graph, kRules); }
Graph strip(const Graph& graph) { return apply_rules(graph, kStrip); }

}  // namespace uwaga
