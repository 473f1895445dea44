#include <uwaga/codegen/cuda/internal/schedules.h>
#include <uwaga/codegen/schedule/loops.h>

namespace uwaga::cuda {
namespace {

using namespace schedule;

constexpr int kThreads = 256, kElements = 4;  // a thread: neighbours in a warp read neighbours in memory

}  // namespace

void each_element(Inline& x, Value like, const std::function<void(const IndexEnv&)>& body) {
  const GraphData& g = x.graph();
  KernelBuilder& b = x.builder();
  const Type& space = g.type(like);
  const std::vector<LoopAxis> axes = collapse(g, x.cluster(), x.layouts(), space, order_of(g, x.layouts(), like));
  const IndexEnv zero = zero_env(b, space);
  if (axes.empty()) {
    b.grid(b.integer(1));
    return body(zero);
  }
  const Ex n = x.extent(product(axes));
  constexpr std::int64_t kBlock = std::int64_t{kThreads} * kElements;
  const Ex block = b.grid((n + (kBlock - 1)) / kBlock);
  const Ex thread = b.threads(kThreads);
  const Ex begin = b.let(block * kBlock), end = b.let(min(begin + kBlock, n));
  x.loop(begin + thread, end, kThreads, [&](Ex i) {
    IndexEnv env = zero;
    set_flat(x, env, axes, Index::scalar(i));
    body(env);
  });
}

Schedule elementwise(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("loop");
  Inline x(b, graph, cluster, layouts, scheduled);
  each_element(x, cluster.outputs[0], [&](const IndexEnv& env) {
    std::vector<Ex> values;
    // Every result before any store: an emitter need not prove that they do not meet in memory.
    for (const Value& v : cluster.outputs) values.push_back(cluster.outputs.size() > 1 ? b.let(x.value(v, env)) : x.value(v, env));
    for (std::size_t i = 0; i < values.size(); ++i) x.store(cluster.outputs[i], env, values[i]);
  });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::cuda
