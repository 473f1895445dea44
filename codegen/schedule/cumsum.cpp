#include <algorithm>

#include <uwaga/codegen/schedule/index_ops.h>
#include <uwaga/codegen/schedule/loops.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::schedule {

Schedule cumsum(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("cumsum");
  Inline x(b, graph, cluster, layouts, scheduled);
  const Value result = cluster.outputs[0];
  const Node& node = g.node(result.node);
  const auto& a = node.as<CumsumAttrs>();
  const Type& space = node.types[0];
  AxisNames order = order_of(g, layouts, result);
  order.erase(std::find(order.begin(), order.end(), a.axis));
  std::vector<LoopAxis> kept = collapse(g, cluster, layouts, space, order);
  const DType d = kernel::computing(space.dtype);
  const Ex n = x.extent(space.extent(a.axis));
  const auto along = [&](const IndexEnv& row, int lanes) {
    const Ex zero = is_float(d) ? b.real(0, d) : b.integer(0, d);
    const Ex total = b.variable(b.splat(zero, lanes));
    x.loop(b.integer(0), n, 1, [&](Ex step) {
      const Ex i = a.reverse ? n - 1 - step : step;
      const IndexEnv at = row.with(a.axis, Index::scalar(i));
      b.assign(total, total + b.splat(x.value(node.operands[0], at), lanes));
      x.store(result, at, total);
    });
  };
  if (kept.empty() || order_of(g, layouts, result).back() == a.axis) {
    row_tasks(x, kept, space.extent(a.axis), zero_env(b, space), [&](const IndexEnv& row) { along(row, 1); });
  } else {
    const LoopAxis inner = kept.back();
    kept.pop_back();
    const int lanes = lanes_for(g, cluster, target, inner.extent);
    const Ex wide = x.extent(inner.extent);
    const Ex first = b.let(b.grid((wide + (lanes - 1)) / lanes) * lanes);
    row_tasks(x, kept, space.extent(a.axis) * lanes, zero_env(b, space), [&](const IndexEnv& row) {
      IndexEnv at = row;
      set_index(at, inner, Index::ramp(first, lanes, lanes), b);
      along(lanes > 1 ? at.masked(b.ramp(first, lanes) < wide) : at, lanes);
    });
  }
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::schedule
