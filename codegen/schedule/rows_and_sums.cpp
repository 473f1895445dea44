#include <uwaga/codegen/schedule/rows_and_sums.h>

#include <algorithm>

#include <uwaga/codegen/schedule/column_accumulators.h>
#include <uwaga/codegen/schedule/rows_passes.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {
namespace {

// Tasks a block of terms: each has kSumLanes / kTasks of the lanes, those that the tree joins first.
constexpr int kTasks = 16;
constexpr int kLanesOfTask = kSumLanes / kTasks;

// Sums of lanes, a row for every task.
std::vector<kernel::BufferId> temporaries(Inline& x, const std::vector<Reduction>& reductions, bool written) {
  std::vector<kernel::BufferId> out;
  for (const Reduction& r : reductions) out.push_back(x.temporary(r.dtype, static_cast<std::uint32_t>(out.size()), written));
  return out;
}

std::vector<Reduction> sums_of(KernelBuilder& b, const GraphData& g, const Stages& s) {
  std::vector<Reduction> out;
  for (NodeId id : s.sums) out.push_back(reduction_of(b, g, id));
  return out;
}

Ex combine(KernelBuilder& b, const Reduction& r, Ex x, Ex y) { return b.apply(r.op, {x, y}); }

// What `values` gives for 0 .. n - 1, a power of two, as a tree at distance n / 2, ... 1.
Ex tree(KernelBuilder& b, const Reduction& r, int n, int first, int distance, const std::function<Ex(int)>& value) {
  if (distance == n) return value(first);
  return combine(b, r, tree(b, r, n, first, 2 * distance, value), tree(b, r, n, first + distance, 2 * distance, value));
}

ScheduledKernel walk(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const Stages& s,
                     std::int64_t rows, std::int64_t length) {
  const GraphData& g = graph.data();
  ScheduledKernel out;
  KernelBuilder b("rows.sums");
  Inline x(b, graph, cluster, layouts, out);
  const std::vector<LoopAxis> down = collapse(g, cluster, layouts, s.space, s.down);
  RowPasses passes(x, cluster, layouts, target, s);
  const std::vector<Reduction> sums = sums_of(b, g, s);
  std::vector<kernel::BufferId> lanes;
  for (const Reduction& r : sums) lanes.push_back(b.scratch(r.dtype, b.integer(kLanesOfTask * length)));

  const Ex block = b.grid(b.integer((rows + kSumBlock - 1) / kSumBlock)), task = b.grid(b.integer(kTasks));
  const Ex end = b.let(min(block * kSumBlock + kSumBlock, b.integer(rows)));
  const int width = lanes_for(g, cluster, target, length);
  x.loop(b.integer(0), b.integer(kLanesOfTask), 1, [&](Ex lane) {
    const Ex place = b.let(lane * length);
    vector_loop(x, b.integer(0), b.integer(length), width, [&](const Index& i, Ex mask) {
      for (std::size_t r = 0; r < sums.size(); ++r) b.store(lanes[r], lanes_of(i + place), b.splat(sums[r].identity, width), mask);
    });
    x.loop(b.let(block * kSumBlock + lane * kTasks + task), end, kSumLanes, [&](Ex row) {
      IndexEnv env = zero_env(b, s.space), next = env;
      set_flat(x, env, down, Index::scalar(row));
      set_flat(x, next, down, Index::scalar(row + kSumLanes));
      passes.run(env, next, [&](int pass, const IndexEnv& at, const Index& along) {
        for (std::size_t r = 0; r < sums.size(); ++r) {
          const NodeId id = sums[r].value.node;
          if (s.stage.at(id) != pass) continue;
          const Ex here = lanes_of(along + place), term = b.splat(x.value(g.node(id).operands[0], at), here.type().lanes);
          b.store(lanes[r], here, combine(b, sums[r], b.load(lanes[r], here, at.mask), term), at.mask);
        }
      });
    });
  });
  const std::vector<kernel::BufferId> joined = temporaries(x, sums, true);
  const Ex to = b.let((block * kTasks + task) * length);
  vector_loop(x, b.integer(0), b.integer(length), width, [&](const Index& i, Ex mask) {
    for (std::size_t r = 0; r < sums.size(); ++r)
      b.store(joined[r], lanes_of(i + to), tree(b, sums[r], kLanesOfTask, 0, 1, [&](int lane) {
        return b.load(lanes[r], lanes_of(i + b.integer(lane * length)), mask);
      }), mask);
  });
  out.kernel = b.finish();
  return out;
}

ScheduledKernel join(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const Stages& s,
                     std::int64_t rows, std::int64_t length) {
  const GraphData& g = graph.data();
  ScheduledKernel out;
  KernelBuilder b("sums.join");
  Inline x(b, graph, cluster, layouts, out);
  const std::vector<LoopAxis> along = collapse(g, cluster, layouts, s.space, s.over);
  const std::vector<Reduction> sums = sums_of(b, g, s);
  const std::vector<kernel::BufferId> joined = temporaries(x, sums, false);
  const int width = lanes_for(g, cluster, target, length);
  const std::int64_t blocks = (rows + kSumBlock - 1) / kSumBlock;
  ColumnAccumulators total(x, sums, kSumLanes, blocks == 1 ? 1 : width, 1);

  const Ex first = b.let(b.grid(b.integer((length + width - 1) / width)) * width);
  const Ex mask = length % width == 0 ? Ex{} : b.let(b.ramp(first, width) < length);
  const auto of_block = [&](std::size_t r, Ex block) {
    return tree(b, sums[r], kTasks, 0, 1, [&](int task) {
      return b.load(joined[r], b.ramp((block * kTasks + task) * length + first, width), mask);
    });
  };
  if (blocks > 1) {
    total.clear();
    x.loop(b.integer(0), b.integer(blocks), 1, [&](Ex block) {
      const Ex lane = b.let(block % kSumLanes);
      for (std::size_t r = 0; r < sums.size(); ++r) total.add(r, lane, 0, of_block(r, block));
    });
    total.join();
  }
  IndexEnv at = mask ? zero_env(b, s.space).masked(mask) : zero_env(b, s.space);
  set_flat(x, at, along, Index::ramp(first, width, width));
  for (std::size_t r = 0; r < sums.size(); ++r) {
    const Value v = sums[r].value;
    x.store(v, at, x.rounded(blocks > 1 ? total.result(r, 0) : of_block(r, b.integer(0)), g.type(v).dtype));
  }
  out.kernel = b.finish();
  return out;
}

}  // namespace

Schedule rows_and_sums(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Stages s = stages_of(g, cluster);
  std::int64_t rows = 1, length = 1;
  for (const Dim& d : s.space.dims) {
    const auto n = d.extent.constant();
    check_internal(n.has_value(), "sums beside rows whose number is not known");
    (std::find(s.down.begin(), s.down.end(), d.axis) != s.down.end() ? rows : length) *= *n;
  }
  Schedule out;
  out.kernels.push_back(walk(graph, cluster, layouts, target, s, rows, length));
  out.kernels.push_back(join(graph, cluster, layouts, target, s, rows, length));
  const std::int64_t tasks = (rows + kSumBlock - 1) / kSumBlock * kTasks;
  for (NodeId id : s.sums) out.temporaries.push_back({kernel::computing(g.node(id).types[0].dtype), Extent(tasks * length)});
  return out;
}

}  // namespace uwaga::schedule
