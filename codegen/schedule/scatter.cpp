#include <algorithm>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/elementwise.h>
#include <uwaga/codegen/schedule/index_ops.h>
#include <uwaga/codegen/schedule/loops.h>

namespace uwaga::schedule {

Schedule scatter_add(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  Schedule out;
  // Narrow floats are added up in f32 and rounded once, by the tasks that add; else the result begins as a copy of what is
  // added to, made in one piece.
  const bool narrow = kernel::computing(g.type(cluster.outputs[0]).dtype) != g.type(cluster.outputs[0]).dtype;
  if (!narrow) {
    ScheduledKernel& copy = out.kernels.emplace_back();
    KernelBuilder b("scatter.copy");
    Inline x(b, graph, cluster, layouts, copy);
    const Value from = g.node(cluster.outputs[0].node).operands[0];
    each_element(x, target, cluster.outputs[0], [&](const IndexEnv& at) { x.store(cluster.outputs[0], at, x.value(from, at)); });
    copy.kernel = b.finish();
  }
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("scatter");
  Inline x(b, graph, cluster, layouts, scheduled);
  const Value result = cluster.outputs[0];
  const Node& node = g.node(result.node);
  const std::string axis = node.as<AxisAttrs>().axis;
  const Type& space = node.types[0];
  const Type& indices = g.type(node.operands[1]);
  const DType wide_d = kernel::computing(space.dtype);
  AxisNames order = order_of(g, layouts, result);
  order.erase(std::find(order.begin(), order.end(), axis));
  std::vector<LoopAxis> kept = collapse(g, cluster, layouts, space, order);
  // Indices that do not belong to a row of the result, in the order of their axes' names: the order of the additions.
  AxisNames walked;
  for (const Dim& dim : indices.dims)
    if (!space.has(dim.axis)) walked.push_back(dim.axis);
  std::sort(walked.begin(), walked.end());
  const std::vector<LoopAxis> updates = collapse(g, cluster, layouts, indices, walked);
  const Ex n = x.extent(space.extent(axis)), count = x.extent(product(updates));

  int lanes = 1;
  Ex first, wide;
  LoopAxis inner;
  IndexEnv zero = zero_env(b, space);
  if (!kept.empty()) {
    inner = kept.back();
    kept.pop_back();
    // A vector needs one index for all its lanes.
    const bool own = std::any_of(inner.axes.begin(), inner.axes.end(), [&](const std::string& a) { return indices.has(a); });
    lanes = own ? 1 : lanes_for(g, cluster, target, inner.extent);
    wide = x.extent(inner.extent);
    first = b.let(b.grid((wide + (lanes - 1)) / lanes) * lanes);
    set_index(zero, inner, Index::ramp(first, lanes, lanes), b);
    if (lanes > 1) zero = zero.masked(b.ramp(first, lanes) < wide);
  }
  const kernel::BufferId sums = narrow ? b.scratch(wide_d, n * lanes) : 0;
  row_tasks(x, kept, (space.extent(axis) + product(updates)) * lanes, zero, [&](const IndexEnv& row) {
    const auto lanes_at = [&](Ex i) { return b.ramp(i * lanes, lanes); };
    if (narrow)
      x.loop(b.integer(0), n, 1, [&](Ex i) {
        b.store(sums, lanes_at(i), b.splat(x.value(node.operands[0], row.with(axis, Index::scalar(i))), lanes));
      });
    x.loop(b.integer(0), count, 1, [&](Ex u) {
      IndexEnv from = row;
      for (const std::string& a : walked) from.axes[a] = Index::scalar(b.integer(0));
      set_flat(x, from, updates, Index::scalar(u));
      const Ex pointed = b.let(x.value(node.operands[1], from));
      x.at(cluster.outputs.at(0).node);
      const Index to = checked_index(x, pointed, space.extent(axis), from);
      from.axes.erase(axis);
      const Ex v = b.splat(x.value(node.operands[2], from), lanes);
      const Ex at = b.let(to.base);
      // An index into an axis of no elements has failed; there is nothing to add to.
      x.branch(b.integer(0) < n, [&] {
        const IndexEnv here = row.with(axis, Index::scalar(at));
        if (narrow) b.store(sums, lanes_at(at), b.load(sums, lanes_at(at)) + v);
        else x.store(result, here, x.load(result, here) + v);
      });
    });
    if (narrow)
      x.loop(b.integer(0), n, 1, [&](Ex i) { x.store(result, row.with(axis, Index::scalar(i)), b.load(sums, lanes_at(i))); });
  });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::schedule
