#include <uwaga/codegen/schedule/elementwise.h>

#include <algorithm>

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

// Streams, at least, of which a loop fetches all ahead, where together they are known to be more than so many second caches hold: of what
// a cache has, that takes longer than to read it.
constexpr std::size_t kFetchedStreams = 3;
constexpr std::int64_t kPastCaches = 2;

std::vector<Value> large_streams(const GraphData& g, const Cluster& cluster, const HostTarget& target) {
  const Type& space = g.type(cluster.outputs[0]);
  std::vector<Value> out;
  std::int64_t bytes = 0;
  for (const Value& v : cluster.inputs) {
    const Type& t = g.type(v);
    const Op op = g.node(v.node).op;
    const bool beside = t.rank() == space.rank() && std::all_of(t.dims.begin(), t.dims.end(), [&](const Dim& d) { return space.has(d.axis); });
    if (beside && op != Op::constant && op != Op::iota && op != Op::random_bits) out.push_back(v);
    bytes += beside ? t.elements().constant().value_or(0) * static_cast<std::int64_t>(size_of(t.dtype)) : 0;
  }
  if (out.size() < kFetchedStreams || bytes <= kPastCaches * target.l2_bytes) out.clear();
  return out;
}

namespace {

void fetch_streams(Inline& x, const std::vector<Value>& streams, const IndexEnv& env, std::int64_t bytes) {
  if (env.mask) return;
  for (const Value& v : streams) {
    const Index at = x.address(v, env);
    const std::int64_t* step = at.is_ramp() ? kernel::constant_of(at.stride) : nullptr;
    if (step && *step == 1)
      x.builder().prefetch(x.buffer(v, false), at.base + bytes / static_cast<std::int64_t>(size_of(x.graph().type(v).dtype)));
  }
}

}  // namespace

Schedule elementwise(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("loop");
  Inline x(b, graph, cluster, layouts, scheduled);
  const std::vector<Value> streams =
      target.tuning.stream_ahead_bytes > 0 ? large_streams(graph.data(), cluster, target) : std::vector<Value>();
  each_element(x, target, cluster.outputs[0], [&](const IndexEnv& env) {
    fetch_streams(x, streams, env, target.tuning.stream_ahead_bytes);
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
