#include <algorithm>

#include <uwaga/codegen/cuda/internal/block_reduce.h>
#include <uwaga/codegen/cuda/internal/schedules.h>
#include <uwaga/codegen/schedule/stages.h>
#include <uwaga/ir/error.h>

namespace uwaga::cuda {
namespace {

using namespace schedule;

bool reduces(const Stages& s, NodeId id) { return std::find(s.reductions.begin(), s.reductions.end(), id) != s.reductions.end(); }

}  // namespace

// A pass over the row for every stage. What a later pass wants again is computed again.
Schedule rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  const GraphData& g = graph.data();
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("rows");
  Inline x(b, graph, cluster, layouts, scheduled);
  const Stages s = stages_of(g, cluster);
  const std::vector<LoopAxis> kept = collapse(g, cluster, layouts, s.space, kept_order(g, cluster, layouts, s));
  const std::vector<LoopAxis> reduced = collapse(g, cluster, layouts, s.space, s.over);
  const std::set<std::string> inner(s.over.begin(), s.over.end());

  const Ex row = b.grid(kept.empty() ? b.integer(1) : x.extent(product(kept)));
  const Ex thread = b.threads(kSumLanes);
  const Ex n = x.extent(product(reduced));
  IndexEnv env = zero_env(b, s.space);
  set_flat(x, env, kept, Index::scalar(row));
  for (int pass = 0; pass < s.count; ++pass) {
    hoist_rows(x, env, s.space, inner, [&](Value v) {
      const auto it = s.stage.find(v.node);
      return it == s.stage.end() || (reduces(s, v.node) ? it->second < pass : it->second <= pass);
    });
    std::vector<Reduction> reductions;
    for (NodeId id : s.reductions)
      if (s.stage.at(id) == pass) reductions.push_back(reduction_of(b, g, id));
    const auto element = [&](Ex i) {
      IndexEnv at = env;
      set_flat(x, at, reduced, Index::scalar(i));
      std::vector<Ex> terms, stored;
      for (const Reduction& r : reductions) terms.push_back(b.let(x.value(g.node(r.value.node).operands[0], at)));
      for (const Value& v : s.elements)
        if (s.stage.at(v.node) == pass) stored.push_back(b.let(x.value(v, at)));
      std::size_t k = 0;
      for (const Value& v : s.elements)
        if (s.stage.at(v.node) == pass) x.store(v, at, stored[k++]);
      return terms;
    };
    if (reductions.empty()) {
      x.loop(thread, n, kSumLanes, element);
    } else {
      BlockReduce reduce(x, thread, reductions);
      define_results(x, reductions, reduce.row(n, element));
    }
  }
  if (!s.results.empty())
    x.branch(equal(thread, b.integer(0)), [&] {
      for (const Value& v : s.results) x.store(v, env, x.value(v, env));
    });
  scheduled.kernel = b.finish();
  return out;
}

// Everything to one number: the blocks side by side, then their results by one block of threads.
Schedule full(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
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
    std::vector<Reduction> reductions;
    for (NodeId id : s.reductions) reductions.push_back(reduction_of(b, g, id));
    const Ex n = x.extent(length);
    const Ex block = b.grid((n + (kSumBlock - 1)) / kSumBlock);
    const Ex thread = b.threads(kSumLanes);
    const Ex begin = b.let(block * kSumBlock), end = b.let(min(begin + kSumBlock, n));
    const IndexEnv zero = zero_env(b, s.space);
    BlockReduce reduce(x, thread, reductions);
    const std::vector<Ex> results = reduce.block(begin, end, [&](Ex i) {
      IndexEnv at = zero;
      set_flat(x, at, reduced, Index::scalar(i));
      std::vector<Ex> terms;
      for (const Reduction& r : reductions) terms.push_back(b.let(x.value(g.node(r.value.node).operands[0], at)));
      std::vector<Ex> stored;
      for (const Value& v : s.elements) stored.push_back(b.let(x.value(v, at)));
      for (std::size_t v = 0; v < stored.size(); ++v) x.store(s.elements[v], at, stored[v]);
      return terms;
    });
    std::vector<kernel::BufferId> blocks;
    for (std::size_t r = 0; r < reductions.size(); ++r) {
      out.temporaries.push_back(of_blocks(reductions[r].dtype, 1, length));
      blocks.push_back(x.temporary(reductions[r].dtype, static_cast<std::uint32_t>(r), true));
    }
    x.branch(equal(thread, b.integer(0)), [&] {
      for (std::size_t r = 0; r < reductions.size(); ++r) b.store(blocks[r], block, results[r]);
    });
    scheduled.kernel = b.finish();
  }
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("full.total");
  Inline x(b, graph, cluster, layouts, scheduled);
  b.grid(b.integer(1));
  const Ex thread = b.threads(kSumLanes);
  std::vector<Reduction> reductions;
  std::vector<kernel::BufferId> blocks;
  for (NodeId id : s.reductions) {
    reductions.push_back(reduction_of(b, g, id));
    blocks.push_back(x.temporary(reductions.back().dtype, static_cast<std::uint32_t>(blocks.size()), false));
  }
  const Ex count = b.let((x.extent(length) + (kSumBlock - 1)) / kSumBlock);
  BlockReduce reduce(x, thread, reductions);
  const std::vector<Ex> results = reduce.row(count, [&](Ex i) {
    std::vector<Ex> terms;
    for (kernel::BufferId id : blocks) terms.push_back(b.load(id, i));
    return terms;
  });
  define_results(x, reductions, results);
  const IndexEnv zero = zero_env(b, s.space);
  x.branch(equal(thread, b.integer(0)), [&] {
    for (const Value& v : s.results) x.store(v, zero, x.value(v, zero));
  });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::cuda
