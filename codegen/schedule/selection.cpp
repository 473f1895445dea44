#include <algorithm>
#include <limits>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/index_ops.h>
#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::schedule {
namespace {

Ex is_nan(Ex v) { return logical_not(equal(v, v)); }

// In the order of selection: NaN is the largest, and equal to NaN.
Ex same(Ex a, Ex b) { return is_float(a.type().dtype) ? equal(a, b) || (is_nan(a) && is_nan(b)) : equal(a, b); }
Ex below(Ex a, Ex b) { return is_float(a.type().dtype) ? a < b || (is_nan(b) && logical_not(is_nan(a))) : a < b; }

}  // namespace

Schedule selection(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("selection");
  Inline x(b, graph, cluster, layouts, scheduled);
  const NodeId id = cluster.outputs[0].node;
  const Node& node = g.node(id);
  const bool one = node.op == Op::argmax;
  const std::string axis = one ? node.as<AxisAttrs>().axis : node.as<TopKAttrs>().axis;
  const Type& space = g.type(node.operands[0]);
  AxisNames order = order_of(g, layouts, node.operands[0]);
  order.erase(std::find(order.begin(), order.end(), axis));
  const std::vector<LoopAxis> kept = collapse(g, cluster, layouts, space, order);
  const Extent& length = space.extent(axis);
  const int lanes = lanes_for(g, cluster, target, length);
  const DType d = kernel::computing(space.dtype);
  const Ex n = x.extent(length), none = b.integer(std::numeric_limits<std::int32_t>::max(), DType::i32);

  // The largest element behind (value, index) in the order of selection; all are while the index is -1.
  const auto next = [&](const IndexEnv& row, Ex last_value, Ex last_index) {
    const auto element = [&](const Index& i, Ex mask) { return x.value(node.operands[0], (mask ? row.masked(mask) : row).with(axis, i)); };
    const auto left = [&](Ex v, const Index& i) {
      const Ex behind = below(v, last_value) || (same(v, b.splat(last_value, v.type().lanes)) && last_index < b.cast(lanes_of(i), DType::i32));
      return behind || equal(last_index, b.integer(-1, DType::i32));
    };
    const Reduction largest{{}, Op::max, d, kernel::lowest(b, d)}, lowest{{}, Op::min, DType::i32, none};
    const Ex value = b.let(reduce_row(x, n, lanes, 2, {largest}, [&](const Index& i, Ex mask) {
      const Ex v = b.let(element(i, mask));
      return std::vector<Ex>{one ? v : b.select(left(v, i), v, largest.identity)};
    })[0]);
    const Ex index = b.let(reduce_row(x, n, lanes, 4, {lowest}, [&](const Index& i, Ex mask) {
      const Ex v = b.let(element(i, mask));
      const Ex here = one ? same(v, b.splat(value, v.type().lanes)) : same(v, b.splat(value, v.type().lanes)) && left(v, i);
      return std::vector<Ex>{b.select(here, b.cast(lanes_of(i), DType::i32), none)};
    })[0]);
    return std::pair{value, index};
  };
  const auto store = [&](std::uint32_t output, const IndexEnv& at, Ex e) {
    const Value v{id, output};
    if (std::find(cluster.outputs.begin(), cluster.outputs.end(), v) != cluster.outputs.end()) x.store(v, at, e);
  };
  row_tasks(x, kept, length, zero_env(b, space), [&](const IndexEnv& row) {
    if (one) {
      store(0, row, next(row, {}, {}).second);
      return;
    }
    const auto& a = node.as<TopKAttrs>();
    const Ex value = b.variable(kernel::lowest(b, d)), index = b.variable(b.integer(-1, DType::i32));
    x.loop(b.integer(0), b.integer(a.k), 1, [&](Ex k) {
      const auto [v, i] = next(row, value, index);
      b.assign(value, v);
      b.assign(index, i);
      IndexEnv at = row;
      at.axes.erase(axis);
      at.axes[a.into] = Index::scalar(k);
      store(0, at, v);
      store(1, at, i);
    });
  });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::schedule
