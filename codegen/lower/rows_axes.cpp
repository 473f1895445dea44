#include <algorithm>
#include <functional>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

Ex widened(KernelBuilder& b, Ex x, int lanes) { return x.type().lanes == lanes ? x : b.splat(x, lanes); }

Ex chosen(KernelBuilder& b, Ex condition, Ex yes, Ex no) {
  const int lanes = std::max({condition.type().lanes, yes.type().lanes, no.type().lanes});
  return b.select(widened(b, condition, lanes), widened(b, yes, lanes), widened(b, no, lanes));
}

IndexEnv without(const IndexEnv& env, const std::string& axis) {
  IndexEnv out = env;
  out.axes.erase(axis);
  return out;
}

}  // namespace

Ex lower_split(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const auto& a = node.as<SplitAttrs>();
  Index i = Index::scalar(x.builder().integer(0));
  IndexEnv at = env;
  for (const Dim& d : a.into) {
    i = i * x.extent(d.extent) + env.at(d.axis);
    at.axes.erase(d.axis);
  }
  at.axes[a.axis] = i;
  return x.operand(node, 0, at);
}

Ex lower_merge(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const auto& a = node.as<MergeAttrs>();
  const Type& t = x.graph().type(node.operands[0]);
  Index i = env.at(a.into);
  IndexEnv at = without(env, a.into);
  for (auto axis = a.axes.rbegin(); axis != a.axes.rend(); ++axis) {
    const bool slowest = axis + 1 == a.axes.rend();
    const Ex n = x.extent(t.extent(*axis));
    at.axes[*axis] = slowest ? i : i % n;
    if (!slowest) i = i / n;
  }
  return x.operand(node, 0, at);
}

Ex lower_rename(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const auto& a = node.as<RenameAttrs>();
  return x.operand(node, 0, without(env, a.to).with(a.from, env.at(a.to)));
}

Ex lower_slice(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const auto& a = node.as<SliceAttrs>();
  return x.operand(node, 0, env.with(a.axis, env.at(a.axis) * x.builder().integer(a.step) + x.extent(a.start)));
}

Ex lower_pad(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  KernelBuilder& b = x.builder();
  const auto& a = node.as<PadAttrs>();
  Index i = env.at(a.axis) - x.extent(a.low);
  Ex inside;
  const auto require = [&](Ex condition) { inside = inside ? inside && condition : condition; };
  if (!(a.low == Extent(0))) require(b.integer(-1) < lanes_of(i));
  if (a.interior > 0) {
    const Ex step = b.integer(a.interior + 1);
    require(equal(lanes_of(i % step), b.integer(0)));
    i = i / step;
  }
  if (!(a.high == Extent(0))) require(lanes_of(i) < x.extent(x.graph().type(node.operands[0]).extent(a.axis)));
  if (!inside) return x.operand(node, 0, env.with(a.axis, i));
  const Ex v = x.operand(node, 0, env.with(a.axis, i).masked(inside));
  return chosen(b, inside, v, x.literal(a.value, node.types[0].dtype));
}

// A vector that lies in one part as a whole: only that part is read. (A load whose lanes are all masked out is far slower than
// a branch where its address is in no page.)
Ex part_of_concat(Inline& x, const Node& node, const IndexEnv& env, int lanes) {
  KernelBuilder& b = x.builder();
  const std::string& axis = node.as<AxisAttrs>().axis;
  const DType dtype = computing(node.types[0].dtype);
  const Ex out = b.variable(b.splat(is_float(dtype) ? b.real(0, dtype) : b.integer(0, dtype), lanes));
  const std::function<void(std::size_t, const Extent&)> choose = [&](std::size_t k, const Extent& begin) {
    const auto take = [&] { b.assign(out, b.splat(x.operand(node, static_cast<int>(k), env.with(axis, env.at(axis) - x.extent(begin))), lanes)); };
    if (k + 1 == node.operands.size()) return take();
    const Extent end = begin + x.graph().type(node.operands[k]).extent(axis);
    x.branch(env.at(axis).base < x.extent(end), take, [&] { choose(k + 1, end); });
  };
  choose(0, 0);
  return out;
}

Ex lower_concat(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  KernelBuilder& b = x.builder();
  const std::string& axis = node.as<AxisAttrs>().axis;
  const Index& i = env.at(axis);
  int lanes = 1;
  for (const Dim& d : node.types[0].dims) lanes = std::max(lanes, env.at(d.axis).lanes);
  if (i.is_scalar() && lanes > 1 && node.types[0].dtype != DType::boolean) return part_of_concat(x, node, env, lanes);
  std::vector<Ex> parts, ends;
  Extent begin = 0;
  for (std::size_t k = 0; k < node.operands.size(); ++k) {
    const Extent end = begin + x.graph().type(node.operands[k]).extent(axis);
    Ex inside;
    if (k > 0) inside = b.integer(-1) < lanes_of(i - x.extent(begin));
    ends.push_back(lanes_of(i) < x.extent(end));
    if (k + 1 < node.operands.size()) inside = inside ? inside && ends.back() : ends.back();
    IndexEnv at = env.with(axis, i - x.extent(begin));
    parts.push_back(x.operand(node, static_cast<int>(k), inside ? at.masked(inside) : at));
    begin = end;
  }
  Ex out = parts.back();
  for (std::size_t k = parts.size() - 1; k-- > 0;) out = chosen(b, ends[k], parts[k], out);
  return out;
}

Ex lower_reverse(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const std::string& axis = node.as<AxisAttrs>().axis;
  const Extent last = node.types[0].extent(axis) - 1;
  return x.operand(node, 0, env.with(axis, env.at(axis) * x.builder().integer(-1) + x.extent(last)));
}

namespace {

Index index_within(Inline& x, Ex index, const Extent& n, const IndexEnv& env, bool checks) {
  KernelBuilder& b = x.builder();
  const Ex i = index.type().dtype == DType::i64 ? index : b.cast(index, DType::i64);
  const Ex zero = b.integer(0), last = x.extent(n) - 1;
  if (checks) x.fail(i < zero || last < i, i, env);
  const Ex clamped = max(min(i, last), zero);
  return clamped.type().lanes == 1 ? Index::scalar(clamped) : Index::any(clamped);
}

}  // namespace

Index checked_index(Inline& x, Ex index, const Extent& n, const IndexEnv& env) { return index_within(x, index, n, env, true); }

Ex lower_gather(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const std::string& axis = node.as<AxisAttrs>().axis;
  const Extent& n = x.graph().type(node.operands[0]).extent(axis);
  IndexEnv at = env.with(axis, index_within(x, x.operand(node, 1, env), n, env, may_fail(x.graph(), node)));
  if (!n.constant()) at = at.masked(x.builder().integer(0) < x.extent(n));
  return x.operand(node, 0, at);
}

bool one_update_a_row(const GraphData& graph, const Node& node) {
  const Type& base = graph.type(node.operands[0]);
  const std::vector<Dim>& index = graph.type(node.operands[1]).dims;
  return std::all_of(index.begin(), index.end(), [&](const Dim& d) { return base.has(d.axis); });
}

Ex lower_scatter_add(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  KernelBuilder& b = x.builder();
  const std::string& axis = node.as<AxisAttrs>().axis;
  const Index to = checked_index(x, x.operand(node, 1, env), node.types[0].extent(axis), env);
  const Ex base = x.operand(node, 0, env), update = x.operand(node, 2, env);
  const int lanes = std::max(base.type().lanes, update.type().lanes);
  const Ex total = x.rounded(widened(b, base, lanes) + widened(b, update, lanes), node.types[0].dtype);
  const Ex here = lanes_of(env.at(axis));
  const int wide = std::max(here.type().lanes, lanes_of(to).type().lanes);
  return chosen(b, equal(widened(b, here, wide), widened(b, lanes_of(to), wide)), total, base);
}

Ex lower_dynamic_slice(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const auto& a = node.as<DynamicSliceAttrs>();
  const Extent room = x.graph().type(node.operands[0]).extent(a.axis) - a.size + 1;
  const Index start = checked_index(x, x.operand(node, 1, env), room, env);
  return x.operand(node, 0, env.with(a.axis, env.at(a.axis) + start));
}

Ex lower_dynamic_update(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  const std::string& axis = node.as<AxisAttrs>().axis;
  const Extent& size = x.graph().type(node.operands[1]).extent(axis);
  const Index start = checked_index(x, x.operand(node, 2, env), node.types[0].extent(axis) - size + 1, env);
  const Index i = env.at(axis) - start.base;
  const Ex inside = x.builder().integer(-1) < lanes_of(i) && lanes_of(i) < x.extent(size);
  const Ex update = x.operand(node, 1, env.with(axis, i).masked(inside));
  return chosen(x.builder(), inside, update, x.operand(node, 0, env));
}

}  // namespace uwaga::kernel
