#include <uwaga/codegen/schedule/elementwise.h>

#include <uwaga/codegen/schedule/loops.h>

namespace uwaga::schedule {

void each_element(Inline& x, const HostTarget& target, Value like, const std::function<void(const IndexEnv&)>& body) {
  const GraphData& g = x.graph();
  KernelBuilder& b = x.builder();
  const Type& space = g.type(like);
  std::vector<LoopAxis> axes = collapse(g, x.cluster(), x.layouts(), space, order_of(g, x.layouts(), like));
  const IndexEnv zero = zero_env(b, space);
  if (axes.empty()) {
    b.grid(b.integer(1));
    body(zero);
    return;
  }
  const LoopAxis inner = axes.back();
  axes.pop_back();
  const int lanes = lanes_for(g, x.cluster(), target, inner.extent);
  const std::set<std::string> inner_axes(inner.axes.begin(), inner.axes.end());
  const auto walk = [&](const IndexEnv& row, Ex begin, Ex end) {
    vector_loop(x, begin, end, lanes, [&](const Index& i, Ex mask) {
      IndexEnv env = row;
      set_index(env, inner, i, b);
      body(mask ? env.masked(mask) : env);
    });
  };
  const auto anything = [](Value) { return true; };
  const auto length = inner.extent.constant();
  if (length && *length <= 2 * kTaskElements && !axes.empty()) {
    row_tasks(x, axes, inner.extent, zero, [&](const IndexEnv& row) {
      hoist_rows(x, row, space, inner_axes, anything);
      walk(row, b.integer(0), x.extent(inner.extent));
    });
    return;
  }
  // Long rows, and rows of unknown length, are cut into pieces as well.
  const Ex n = axes.empty() ? x.size(inner.extent) : x.extent(inner.extent);
  const Ex piece = b.grid((n + (kTaskElements - 1)) / kTaskElements);
  row_tasks(x, axes, inner.extent, zero, [&](const IndexEnv& row) {
    hoist_rows(x, row, space, inner_axes, anything);
    const Ex begin = b.let(piece * kTaskElements);
    walk(row, begin, b.let(min(begin + kTaskElements, n)));
  });
}

Schedule elementwise(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("loop");
  Inline x(b, graph, cluster, layouts, scheduled);
  each_element(x, target, cluster.outputs[0], [&](const IndexEnv& env) {
    std::vector<Ex> values;
    for (const Value& v : cluster.outputs) {
      Ex e = x.value(v, env);
      // Every result before any store: an emitter need not prove that they do not meet in memory.
      values.push_back(cluster.outputs.size() > 1 ? b.let(e) : e);
    }
    for (std::size_t i = 0; i < values.size(); ++i) x.store(cluster.outputs[i], env, values[i]);
  });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::schedule
