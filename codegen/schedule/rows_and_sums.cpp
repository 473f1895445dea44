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

Ex combine(KernelBuilder& b, const Reduction& r, Ex x, Ex y) { return b.apply(r.op, {x, y}); }

// What `values` gives for 0 .. n - 1, a power of two, as a tree at distance n / 2, ... 1.
Ex tree(KernelBuilder& b, const Reduction& r, int n, int first, int distance, const std::function<Ex(int)>& value) {
  if (distance == n) return value(first);
  return combine(b, r, tree(b, r, n, first, 2 * distance, value), tree(b, r, n, first + distance, 2 * distance, value));
}

std::int64_t known(const Extent& length) {
  const auto n = length.constant();
  check_internal(n.has_value(), "sums beside rows of unknown length");
  return *n;
}

// Writes one of the kernels.
class Writer {
 public:
  Writer(const char* kind, const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const Stages& s,
         const std::vector<NodeId>& sums)
      : g_(graph.data()), cluster_(cluster), layouts_(layouts), target_(target), s_(s), b_(kind), x_(b_, graph, cluster, layouts, out_),
        down_(collapse(g_, cluster, layouts, s.space, s.down)), along_(collapse(g_, cluster, layouts, s.space, s.over)),
        length_(known(product(along_))), width_(lanes_for(g_, cluster, target, length_)), rows_(x_.extent(product(down_))),
        blocks_((rows_ + (kSumBlock - 1)) / kSumBlock) {
    for (NodeId id : sums) sums_.push_back(reduction_of(b_, g_, id));
  }

  ScheduledKernel walk() {
    RowPasses passes(x_, cluster_, layouts_, target_, s_);
    std::vector<kernel::BufferId> lanes;
    for (const Reduction& r : sums_) lanes.push_back(b_.scratch(r.dtype, b_.integer(kLanesOfTask * length_)));
    const Ex block = b_.grid(blocks_), task = b_.grid(b_.integer(kTasks));
    const Ex end = b_.let(min(block * kSumBlock + kSumBlock, rows_));
    x_.loop(b_.integer(0), b_.integer(kLanesOfTask), 1, [&](Ex lane) {
      const Ex place = b_.let(lane * length_);
      vector_loop(x_, b_.integer(0), b_.integer(length_), width_, [&](const Index& i, Ex mask) {
        for (std::size_t r = 0; r < sums_.size(); ++r) b_.store(lanes[r], lanes_of(i + place), b_.splat(sums_[r].identity, width_), mask);
      });
      x_.loop(b_.let(block * kSumBlock + lane * kTasks + task), end, kSumLanes, [&](Ex row) {
        IndexEnv env = zero_env(b_, s_.space), next = env;
        set_flat(x_, env, down_, Index::scalar(row));
        set_flat(x_, next, down_, Index::scalar(row + kSumLanes));
        passes.run(env, next, [&](int pass, const IndexEnv& at, const Index& along) {
          for (std::size_t r = 0; r < sums_.size(); ++r) {
            const NodeId id = sums_[r].value.node;
            if (s_.stage.at(id) != pass) continue;
            const Ex here = lanes_of(along + place), term = b_.splat(x_.value(g_.node(id).operands[0], at), here.type().lanes);
            b_.store(lanes[r], here, combine(b_, sums_[r], b_.load(lanes[r], here, at.mask), term), at.mask);
          }
        });
      });
    });
    std::vector<kernel::BufferId> joined;
    for (const Reduction& r : sums_) joined.push_back(x_.temporary(r.dtype, static_cast<std::uint32_t>(joined.size()), true));
    const Ex to = b_.let((block * kTasks + task) * length_);
    vector_loop(x_, b_.integer(0), b_.integer(length_), width_, [&](const Index& i, Ex mask) {
      for (std::size_t r = 0; r < sums_.size(); ++r)
        b_.store(joined[r], lanes_of(i + to), tree(b_, sums_[r], kLanesOfTask, 0, 1, [&](int lane) {
          return b_.load(lanes[r], lanes_of(i + b_.integer(lane * length_)), mask);
        }), mask);
    });
    return finish();
  }

  // Of sum `number`.
  ScheduledKernel join(std::uint32_t number) {
    const Reduction& sum = sums_[0];
    const kernel::BufferId joined = x_.temporary(sum.dtype, number, false);
    const Ex first = b_.let(b_.grid(b_.integer((length_ + width_ - 1) / width_)) * width_);
    const Ex mask = length_ % width_ == 0 ? Ex{} : b_.let(b_.ramp(first, width_) < length_);
    IndexEnv at = mask ? zero_env(b_, s_.space).masked(mask) : zero_env(b_, s_.space);
    set_flat(x_, at, along_, Index::ramp(first, width_, width_));
    const auto of_block = [&](Ex block) {
      return tree(b_, sum, kTasks, 0, 1, [&](int task) {
        return b_.load(joined, b_.ramp((block * kTasks + task) * length_ + first, width_), mask);
      });
    };
    ColumnAccumulators total(x_, sums_, kSumLanes, width_, 1);
    total.clear(blocks_);
    x_.loop(b_.integer(0), blocks_, 1, [&](Ex block) { total.add(0, b_.let(block % kSumLanes), 0, of_block(block)); });
    total.join(blocks_);
    x_.store(sum.value, at, x_.rounded(total.result(0, 0), g_.type(sum.value).dtype));
    return finish();
  }

 private:
  ScheduledKernel finish() {
    out_.kernel = b_.finish();
    return std::move(out_);
  }

  const GraphData& g_;
  const Cluster& cluster_;
  const Layouts& layouts_;
  const HostTarget& target_;
  const Stages& s_;
  ScheduledKernel out_;
  KernelBuilder b_;
  Inline x_;
  const std::vector<LoopAxis> down_, along_;
  const std::int64_t length_;  // of a row
  const int width_;
  const Ex rows_, blocks_;
  std::vector<Reduction> sums_;
};

}  // namespace

Schedule rows_and_sums(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Stages s = stages_of(g, cluster);
  Extent rows = 1, length = 1;
  for (const Dim& d : s.space.dims) {
    Extent& of = std::find(s.down.begin(), s.down.end(), d.axis) == s.down.end() ? length : rows;
    of = of * d.extent;
  }
  Schedule out;
  out.kernels.push_back(Writer("rows.sums", graph, cluster, layouts, target, s, s.sums).walk());
  for (NodeId id : s.sums) {
    // A cluster of its own: the kernel is the same wherever its sum comes from.
    Cluster alone;
    alone.nodes = {id};
    alone.outputs = {{id, 0}};
    const auto number = static_cast<std::uint32_t>(out.temporaries.size());
    ScheduledKernel join = Writer("sums.join", graph, alone, layouts, target, s, {id}).join(number);
    join.nodes = {static_cast<std::size_t>(std::find(cluster.nodes.begin(), cluster.nodes.end(), id) - cluster.nodes.begin())};
    out.kernels.push_back(std::move(join));
    // Sums of lanes: a row for every task, of so many blocks as the terms make.
    out.temporaries.push_back(of_blocks(kernel::computing(g.node(id).types[0].dtype), kTasks * known(length), rows));
  }
  return out;
}

}  // namespace uwaga::schedule
