#include <uwaga/codegen/schedule/full.h>

#include <algorithm>

#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/codegen/schedule/stages.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {
Schedule full(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  Schedule out;
  const Stages s = stages_of(g, cluster);
  check_internal(s.count == 1, "a reduction over everything has one pass");
  const std::vector<LoopAxis> reduced = collapse(g, cluster, layouts, s.space, s.over);
  const Extent length = product(reduced);
  {
    ScheduledKernel& scheduled = out.kernels.emplace_back();
    KernelBuilder b("full.blocks");
    Inline x(b, graph, cluster, layouts, scheduled);
    const int lanes = lanes_for(g, cluster, target, length);
    std::vector<Reduction> reductions;
    for (NodeId id : s.reductions) reductions.push_back(reduction_of(b, g, id));
    const Ex n = x.size(length);
    const Ex block = b.grid((n + (kSumBlock - 1)) / kSumBlock);
    const Ex begin = b.let(block * kSumBlock), end = b.let(min(begin + kSumBlock, n));
    const IndexEnv zero = zero_env(b, s.space);
    const std::set<std::string> inner(s.over.begin(), s.over.end());
    hoist_rows(x, zero, s.space, inner, [&](Value v) { return !s.stage.contains(v.node) || s.stage.at(v.node) == 0; });
    const auto element = [&](const Index& i, Ex mask) {
      IndexEnv at = mask ? zero.masked(mask) : zero;
      set_flat(x, at, reduced, i);
      std::vector<Ex> terms;
      for (const Reduction& r : reductions) terms.push_back(x.value(g.node(r.value.node).operands[0], at));
      for (const Value& v : s.elements) x.store(v, at, x.value(v, at));
      return terms;
    };
    const std::vector<Ex> results = reduce_block(x, begin, end, lanes, cost_of_pass(g, cluster, s, 0), reductions, element);
    for (std::size_t r = 0; r < reductions.size(); ++r) {
      out.temporaries.push_back({reductions[r].dtype, temporary_blocks(length)});
      b.store(x.temporary(reductions[r].dtype, static_cast<std::uint32_t>(r), true), block, results[r]);
    }
    scheduled.kernel = b.finish();
  }
  {
    ScheduledKernel& scheduled = out.kernels.emplace_back();
    KernelBuilder b("full.total");
    Inline x(b, graph, cluster, layouts, scheduled);
    b.grid(b.integer(1));
    std::vector<Reduction> reductions;
    std::vector<kernel::BufferId> blocks;
    int lanes = target.vector_bytes / 4;
    for (NodeId id : s.reductions) {
      reductions.push_back(reduction_of(b, g, id));
      blocks.push_back(x.temporary(reductions.back().dtype, static_cast<std::uint32_t>(blocks.size()), false));
      lanes = std::min(lanes, target.vector_bytes / static_cast<int>(size_of(reductions.back().dtype)));
    }
    lanes = std::max(lanes, 1);
    // The same for every such reduction: a routine.
    std::vector<kernel::BufferId> totals;
    for (const Reduction& r : reductions) totals.push_back(b.scratch(r.dtype, b.integer(1)));
    b.routine({(x.size(length) + (kSumBlock - 1)) / kSumBlock}, [&](const std::vector<Ex>& p) {
      const std::vector<Ex> sums = reduce_row(x, p[0], lanes, 1, reductions, [&](const Index& i, Ex mask) {
        std::vector<Ex> terms;
        for (kernel::BufferId id : blocks) terms.push_back(b.load(id, lanes_of(i), mask));
        return terms;
      });
      for (std::size_t r = 0; r < totals.size(); ++r) b.store(totals[r], b.integer(0), sums[r]);
    });
    std::vector<Ex> results;
    for (kernel::BufferId id : totals) results.push_back(b.let(b.load(id, b.integer(0))));
    define_results(x, reductions, results);
    const IndexEnv zero = zero_env(b, s.space);
    for (const Value& v : s.results) x.store(v, zero, x.value(v, zero));
    scheduled.kernel = b.finish();
  }
  return out;
}

}  // namespace uwaga::schedule
