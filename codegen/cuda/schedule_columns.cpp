#include <algorithm>

#include <uwaga/codegen/cuda/internal/schedules.h>
#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/codegen/schedule/stages.h>
#include <uwaga/ir/error.h>

namespace uwaga::cuda {
namespace {

using namespace schedule;

// A block of threads owns kColumns columns, side by side so that a warp reads one row of them; group l of its threads walks
// the terms of lanes l, l + kGroups, ..., each with an accumulator of its own.
constexpr int kColumns = 32, kGroups = 16, kLanes = kSumLanes / kGroups;

class Columns {
 public:
  Columns(Inline& x, const std::vector<Reduction>& reductions) : x_(x), b_(x.builder()), reductions_(reductions) {}

  void threads() {
    const Ex thread = b_.threads(kColumns * kGroups);
    column = b_.let(thread % kColumns);
    group = b_.let(thread / kColumns);
    for (const Reduction& r : reductions_) shared_.push_back(b_.shared(r.dtype, b_.integer(kColumns * kGroups)));
  }

  using Lanes = std::vector<std::vector<Ex>>;  // by reduction, then by lane of the thread
  Lanes identities() {
    Lanes out;
    for (const Reduction& r : reductions_) {
      auto& lanes = out.emplace_back();
      for (int u = 0; u < kLanes; ++u) lanes.push_back(b_.variable(r.identity));
    }
    return out;
  }

  // Lanes at distance 32 and 16 lie in one thread, the rest of the tree is in shared memory. All threads of a column get
  // the result.
  std::vector<Ex> join(const Lanes& lanes) {
    for (std::size_t r = 0; r < lanes.size(); ++r) {
      std::vector<Ex> mine = lanes[r];
      while (mine.size() > 1) {
        const std::size_t half = mine.size() / 2;
        for (std::size_t u = 0; u < half; ++u) mine[u] = b_.let(b_.apply(reductions_[r].op, {mine[u], mine[u + half]}));
        mine.resize(half);
      }
      b_.store(shared_[r], group * kColumns + column, mine[0]);
    }
    b_.barrier();
    for (int s = kGroups / 2; s >= 1; s /= 2) {
      x_.branch(group < s, [&] {
        const Ex at = b_.let(group * kColumns + column);
        for (std::size_t r = 0; r < lanes.size(); ++r)
          b_.store(shared_[r], at, b_.apply(reductions_[r].op, {b_.load(shared_[r], at), b_.load(shared_[r], at + s * kColumns)}));
      });
      b_.barrier();
    }
    std::vector<Ex> out;
    for (std::size_t r = 0; r < lanes.size(); ++r) out.push_back(b_.let(b_.load(shared_[r], column)));
    b_.barrier();  // all have read before anybody writes again
    return out;
  }

  Ex column, group;

 private:
  Inline& x_;
  KernelBuilder& b_;
  const std::vector<Reduction>& reductions_;
  std::vector<kernel::BufferId> shared_;
};

}  // namespace

Schedule columns(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  const GraphData& g = graph.data();
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("columns");
  Inline x(b, graph, cluster, layouts, scheduled);
  const Stages s = stages_of(g, cluster);
  check_internal(s.count == 1, "a reduction down columns has one pass");
  AxisNames order;
  for (const std::string& axis : s.space.axes())
    if (std::find(s.over.begin(), s.over.end(), axis) == s.over.end()) order.push_back(axis);
  std::vector<LoopAxis> kept = collapse(g, cluster, layouts, s.space, order);
  check_internal(!kept.empty(), "columns without an axis kept");
  const LoopAxis axis = kept.back();
  kept.pop_back();
  const std::vector<LoopAxis> reduced = collapse(g, cluster, layouts, s.space, s.over);
  std::vector<Reduction> reductions;
  for (NodeId id : s.reductions) reductions.push_back(reduction_of(b, g, id));
  const Ex n = x.extent(product(reduced)), wide = x.extent(axis.extent);
  const Ex outer = kept.empty() ? b.integer(0) : b.grid(x.extent(product(kept)));
  const Ex first = b.grid((wide + (kColumns - 1)) / kColumns) * kColumns;
  Columns work(x, reductions);
  work.threads();
  const Ex column = b.let(first + work.column);
  const Ex inside = b.let(column < wide);
  IndexEnv task = zero_env(b, s.space);
  set_flat(x, task, kept, Index::scalar(outer));
  set_index(task, axis, Index::scalar(column), b);

  const auto pass = [&](Ex begin, Ex end) {
    const auto lanes = work.identities();
    x.loop(begin + work.group, end, kSumLanes, [&](Ex i) {
      for (int u = 0; u < kLanes; ++u) {
        const Ex term = i + u * kGroups;
        x.branch(u == 0 ? inside : inside && term < end, [&] {
          IndexEnv at = task;
          set_flat(x, at, reduced, Index::scalar(term));
          std::vector<Ex> terms, stored;
          for (const Reduction& r : reductions) terms.push_back(b.let(x.value(g.node(r.value.node).operands[0], at)));
          for (const Value& v : s.elements) stored.push_back(b.let(x.value(v, at)));
          for (std::size_t v = 0; v < stored.size(); ++v) x.store(s.elements[v], at, stored[v]);
          for (std::size_t r = 0; r < reductions.size(); ++r) {
            const Ex lane = lanes[r][static_cast<std::size_t>(u)];
            b.assign(lane, b.apply(reductions[r].op, {lane, terms[r]}));
          }
        });
      }
    });
    return work.join(lanes);
  };
  std::vector<Ex> results;
  const auto terms_known = product(reduced).constant();
  if (terms_known && *terms_known <= kSumBlock) {
    results = pass(b.integer(0), n);
  } else {
    // The blocks' results are terms themselves, of lane (block mod 64).
    const auto lanes = work.identities();
    x.loop(b.integer(0), n, kSumBlock, [&](Ex begin) {
      const std::vector<Ex> block = pass(begin, b.let(min(begin + kSumBlock, n)));
      const Ex lane = b.let(begin / kSumBlock % kSumLanes);
      for (int u = 0; u < kLanes; ++u) {
        const Ex mine = b.let(equal(lane, work.group + u * kGroups));
        for (std::size_t r = 0; r < reductions.size(); ++r) {
          const Ex sum = lanes[r][static_cast<std::size_t>(u)];
          b.assign(sum, b.select(mine, b.apply(reductions[r].op, {sum, block[r]}), sum));
        }
      }
    });
    results = work.join(lanes);
  }
  for (std::size_t r = 0; r < reductions.size(); ++r) {
    const Ex rounded = b.let(x.rounded(results[r], g.type(reductions[r].value).dtype));
    x.define(reductions[r].value, [rounded](const IndexEnv&) { return rounded; });
  }
  if (!s.results.empty())
    x.branch(equal(work.group, b.integer(0)) && inside, [&] {
      for (const Value& v : s.results) x.store(v, task, x.value(v, task));
    });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::cuda
