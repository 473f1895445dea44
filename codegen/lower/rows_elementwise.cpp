#include <algorithm>
#include <limits>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

Ex widened(KernelBuilder& b, Ex x, int lanes) { return x.type().lanes == lanes ? x : b.splat(x, lanes); }

// The operands, all of one number of lanes.
std::vector<Ex> aligned(Inline& x, const Node& node, const IndexEnv& env) {
  std::vector<Ex> out;
  int lanes = 1;
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    out.push_back(x.operand(node, static_cast<int>(i), env));
    lanes = std::max(lanes, out.back().type().lanes);
  }
  for (Ex& e : out) e = widened(x.builder(), e, lanes);
  return out;
}

// The environment of term t of a reduction with static extents.
IndexEnv term(Inline& x, const Node& node, std::int64_t t, const IndexEnv& env) {
  const Type& type = x.graph().type(node.operands[0]);
  const auto& over = node.as<ReduceAttrs>().over;
  IndexEnv at = env;
  for (auto axis = over.rbegin(); axis != over.rend(); ++axis) {
    const std::int64_t n = *type.extent(*axis).constant();
    at.axes[*axis] = Index::scalar(x.builder().integer(t % n));
    t /= n;
  }
  return at;
}

}  // namespace

Ex lower_constant(Inline& x, const Node& node, std::uint32_t, const IndexEnv&) {
  const auto& a = node.as<ConstantAttrs>();
  return x.literal(a.values[0], a.type.dtype);
}

Ex lower_iota(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const Type& t = node.types[0];
  const Ex i = lanes_of(env.at(t.dims[0].axis));
  if (t.dtype == DType::i64) return i;
  return x.rounded(x.builder().cast(i, computing(t.dtype)), t.dtype);
}

Ex lower_exact(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const std::vector<Ex> in = aligned(x, node, env);
  KernelBuilder& b = x.builder();
  // Kernels have no order of bools: false is less than true.
  if (node.op == Op::lt && in[0].type().dtype == DType::boolean) return b.apply(Op::logical_and, {b.apply(Op::logical_not, {in[0]}), in[1]});
  return in.size() == 1 ? x.builder().apply(node.op, {in[0]}) : x.builder().apply(node.op, {in[0], in[1]});
}

Ex lower_rounded(Inline& x, const Node& node, std::uint32_t output, const IndexEnv& env) {
  return x.rounded(lower_exact(x, node, output, env), node.types[0].dtype);
}

Ex lower_select(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const std::vector<Ex> in = aligned(x, node, env);
  return x.builder().select(in[0], in[1], in[2]);
}

Ex lower_cast(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  KernelBuilder& b = x.builder();
  Ex v = x.operand(node, 0, env);
  const DType to = node.types[0].dtype, from = v.type().dtype;
  if (from == to) return v;
  if (computing(to) == to) return b.cast(v, to);
  if (from == DType::f32) return x.rounded(v, to);
  if (!is_float(from)) v = b.cast(v, DType::f64);  // so that the narrow dtype is rounded to once
  return b.cast(b.cast(v, to), DType::f32);
}

Ex lower_bitcast(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  KernelBuilder& b = x.builder();
  Ex v = x.operand(node, 0, env);
  const DType from = x.graph().type(node.operands[0]).dtype, to = node.types[0].dtype;
  if (from == to) return v;
  if (computing(from) != from) v = b.cast(v, from);
  v = b.bitcast(v, to);
  return computing(to) == to ? v : b.cast(v, computing(to));
}

Ex lower_identity(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) { return x.operand(node, 0, env); }

std::optional<std::int64_t> static_terms(const GraphData& graph, const Node& node) {
  std::int64_t n = 1;
  for (const std::string& axis : node.as<ReduceAttrs>().over) {
    const auto c = graph.type(node.operands[0]).extent(axis).constant();
    if (!c || *c > (std::int64_t{1} << 20)) return std::nullopt;
    n *= *c;
    if (n > (std::int64_t{1} << 20)) return std::nullopt;
  }
  return n;
}

Ex lower_sum(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  // The order every sum has: term i to lane i of 64, each from +0, lanes joined at distance 32, 16, ... 1. Adding a lane
  // that got no term changes nothing, since no lane is -0.
  KernelBuilder& b = x.builder();
  const DType d = node.types[0].dtype, c = computing(d);
  const Ex zero = is_float(d) ? b.real(0, c) : b.integer(0, d);
  const std::int64_t n = *static_terms(x.graph(), node);
  if (n == 0) return zero;
  std::vector<Ex> lane;
  for (std::int64_t i = 0; i < n; ++i) {
    const Ex v = x.operand(node, 0, term(x, node, i, env));
    lane.push_back(is_float(d) ? b.apply(Op::add, {widened(b, zero, v.type().lanes), v}) : v);
  }
  for (std::size_t s = 32; s >= 1; s /= 2)
    for (std::size_t i = 0; i < s && i + s < lane.size(); ++i) lane[i] = lane[i] + lane[i + s];
  return x.rounded(lane[0], d);
}

Ex lower_reduce_max(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  KernelBuilder& b = x.builder();
  const std::int64_t n = *static_terms(x.graph(), node);
  if (n == 0) return lowest(b, node.types[0].dtype);
  Ex m = x.operand(node, 0, term(x, node, 0, env));
  for (std::int64_t i = 1; i < n; ++i) m = b.apply(Op::max, {m, x.operand(node, 0, term(x, node, i, env))});
  return m;
}

Ex lowest(KernelBuilder& b, DType d) {
  if (is_float(d)) return b.real(-std::numeric_limits<double>::infinity(), computing(d));
  switch (d) {
    case DType::i64: return b.integer(std::numeric_limits<std::int64_t>::min(), d);
    case DType::i32: return b.integer(std::numeric_limits<std::int32_t>::min(), d);
    case DType::i8: return b.integer(-128, d);
    default: return b.integer(0, d);
  }
}

}  // namespace uwaga::kernel
