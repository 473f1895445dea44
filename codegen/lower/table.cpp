#include <uwaga/codegen/lower/table.h>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/whole_calls.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/in_range.h>

namespace uwaga::kernel {
namespace {

constexpr Lowering kIn = Lowering::inlined;

constexpr OpTable<LowerRow> kTable = {{{
    {Op::input, Lowering::leaf, 0, nullptr},
    {Op::parameter, Lowering::leaf, 0, nullptr},
    {Op::constant, kIn, 0, lower_constant},
    {Op::iota, kIn, 0, lower_iota},
    {Op::random_bits, kIn, 40, lower_random_bits},
    {Op::neg, kIn, 1, lower_exact},
    {Op::abs, kIn, 1, lower_exact},
    {Op::exp, kIn, 20, lower_rounded},
    {Op::log, kIn, 20, lower_rounded},
    {Op::log1p, kIn, 24, lower_rounded},
    {Op::sqrt, kIn, 6, lower_rounded},
    {Op::rsqrt, kIn, 8, lower_rounded},
    {Op::sin, kIn, 30, lower_rounded},
    {Op::cos, kIn, 30, lower_rounded},
    {Op::tanh, kIn, 24, lower_rounded},
    {Op::erf, kIn, 30, lower_rounded},
    {Op::sigmoid, kIn, 24, lower_rounded},
    {Op::floor, kIn, 1, lower_exact},
    {Op::logical_not, kIn, 1, lower_exact},
    {Op::add, kIn, 1, lower_rounded},
    {Op::sub, kIn, 1, lower_rounded},
    {Op::mul, kIn, 1, lower_rounded},
    {Op::div, kIn, 4, lower_rounded},
    {Op::pow, kIn, 50, lower_rounded},
    {Op::max, kIn, 1, lower_exact},
    {Op::min, kIn, 1, lower_exact},
    {Op::rem, kIn, 6, lower_rounded},
    {Op::logical_and, kIn, 1, lower_exact},
    {Op::logical_or, kIn, 1, lower_exact},
    {Op::eq, kIn, 1, lower_exact},
    {Op::lt, kIn, 1, lower_exact},
    {Op::select, kIn, 1, lower_select},
    {Op::cast, kIn, 1, lower_cast},
    {Op::bitcast, kIn, 0, lower_bitcast},
    {Op::split, kIn, 0, lower_split},
    {Op::merge, kIn, 0, lower_merge},
    {Op::broadcast, kIn, 0, lower_identity},
    {Op::rename, kIn, 0, lower_rename},
    {Op::slice, kIn, 0, lower_slice},
    {Op::pad, kIn, 2, lower_pad},
    {Op::concat, kIn, 2, lower_concat},
    {Op::reverse, kIn, 0, lower_reverse},
    {Op::order, kIn, 0, lower_identity},
    {Op::dot, Lowering::contraction, 1000, nullptr},
    {Op::sum, Lowering::reduction, 1, lower_sum},
    {Op::reduce_max, Lowering::reduction, 1, lower_reduce_max},
    {Op::argmax, Lowering::index, 1, nullptr},
    {Op::cumsum, Lowering::index, 1, nullptr},
    {Op::gather, kIn, 4, lower_gather},
    {Op::scatter_add, Lowering::index, 3, lower_scatter_add},
    {Op::dynamic_slice, kIn, 1, lower_dynamic_slice},
    {Op::dynamic_update, Lowering::index, 1, lower_dynamic_update},
    {Op::top_k, Lowering::index, 1, nullptr},
    {Op::scan, Lowering::structure, 0, nullptr},
    {Op::cond, Lowering::structure, 0, nullptr},
    {Op::call, Lowering::structure, 0, nullptr},
    {Op::stop_gradient, kIn, 0, lower_identity},
    {Op::tag, kIn, 0, lower_identity},
}}};

constexpr bool complete() {
  for (int i = 0; i < kOps; ++i) {
    const LowerRow& r = kTable.rows[static_cast<std::size_t>(i)];
    if (r.op != static_cast<Op>(i) || (r.how == Lowering::inlined && r.build == nullptr)) return false;
  }
  return true;
}
static_assert(complete(), "every op has one lowering row, in the order of the enum");

}  // namespace

const LowerRow& lower_row(Op op) { return kTable.at(op); }

bool is_inlined(const GraphData& graph, const Node& node) {
  if (node.op == Op::constant) return node.as<ConstantAttrs>().values.size() == 1;
  if (node.op == Op::sum || node.op == Op::reduce_max) {
    const auto n = static_terms(graph, node);
    return n && *n <= kSmallReduction;
  }
  if (node.op == Op::scatter_add) return one_update_a_row(graph, node);
  if (node.op == Op::call) return is_whole_call(node);
  return lower_row(node.op).how == Lowering::inlined;
}

bool keeps_indices(const Node& n) {
  return is_elementwise(n.op) || n.op == Op::broadcast || n.op == Op::order || n.op == Op::stop_gradient || n.op == Op::tag;
}

bool may_fail(const GraphData& graph, const Node& n) {
  if (n.op == Op::gather) return !is_index_below(graph, n.operands[1], graph.type(n.operands[0]).extent(n.as<AxisAttrs>().axis));
  return n.op == Op::scatter_add || n.op == Op::dynamic_slice || n.op == Op::dynamic_update;
}

int cost_of(const GraphData& graph, const Node& node) {
  if (node.op == Op::sum || node.op == Op::reduce_max)
    if (const auto n = static_terms(graph, node); n && *n <= kSmallReduction) return static_cast<int>(*n);
  return lower_row(node.op).cost;
}

}  // namespace uwaga::kernel
