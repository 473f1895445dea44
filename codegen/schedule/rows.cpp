#include <uwaga/codegen/schedule/rows.h>

#include <optional>

#include <uwaga/codegen/schedule/rows_passes.h>

namespace uwaga::schedule {

Schedule rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("rows");
  Inline x(b, graph, cluster, layouts, scheduled);
  const Stages s = stages_of(g, cluster);
  const std::vector<LoopAxis> kept = collapse(g, cluster, layouts, s.space, kept_order(g, cluster, layouts, s));
  RowPasses passes(x, cluster, layouts, target, s);
  row_tasks(x, kept, passes.length(), zero_env(b, s.space), [&](const IndexEnv& env) {
    std::optional<IndexEnv> next;
    if (kept.size() == 1) set_index(next.emplace(env), kept[0], Index::scalar(env.at(kept[0].axes.back()).base + 1), b);
    passes.run(env, next);
  });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::schedule
