// top_k of more than a few: a heap of the largest so far. Most of a row is only compared, vector by vector, with the least of them.
//
// An element is an i64 key: its value as an integer of the same order in the high half (NaN largest, zeros equal), and below it what
// is larger for lower indices. So keys differ, their order is the order of selection, and the result is one whatever the way to it.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/index_ops.h>
#include <uwaga/codegen/schedule/loops.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::schedule {
namespace {

using kernel::BufferId;
using kernel::ExprKind;

constexpr std::int64_t kAssumedLength = 4096;  // of a row, where nobody knows it
constexpr std::int64_t kMostKept = 1 << 20;    // elements: a worker's scratch holds them

int bits_of(std::int64_t n) { return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n))); }

class Heap {
 public:
  Heap(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target)
      : g_(graph.data()), cluster_(cluster), node_(g_.node(cluster.outputs[0].node)), a_(node_.as<TopKAttrs>()), space_(g_.type(node_.operands[0])),
        x_(b_, graph, cluster, layouts, out_), lanes_(lanes_for(g_, cluster, target, space_.extent(a_.axis))) {
    AxisNames order = order_of(g_, layouts, node_.operands[0]);
    order.erase(std::find(order.begin(), order.end(), a_.axis));
    kept_ = collapse(g_, cluster, layouts, space_, order);
  }

  ScheduledKernel write() {
    n_ = x_.extent(space_.extent(a_.axis));
    heap_ = b_.scratch(DType::i64, b_.integer(a_.k + lanes_));  // whole vectors of keys
    some_ = b_.scratch(DType::i64, b_.integer(lanes_));
    const Ex k = b_.integer(a_.k);
    row_tasks(x_, kept_, space_.extent(a_.axis), zero_env(b_, space_), [&](const IndexEnv& row) {
      x_.loop(b_.integer(0), k, lanes_, [&](Ex i) { b_.store(heap_, b_.ramp(i, lanes_), keys(row, i, k)); });
      x_.loop(b_.integer(0), b_.integer(a_.k / 2), 1, [&](Ex i) {
        const Ex from = b_.let(b_.integer(a_.k / 2 - 1) - i);
        sift(from, b_.let(b_.load(heap_, from)), k);
      });
      const Ex least = b_.variable(b_.load(heap_, b_.integer(0)));
      x_.loop(k, n_, lanes_, [&](Ex i) {
        const Ex vector = b_.let(keys(row, i, n_));
        x_.branch(b_.any(b_.splat(least, lanes_) < vector), [&] {
          b_.store(some_, b_.ramp(b_.integer(0), lanes_), vector);
          x_.loop(b_.integer(0), b_.integer(lanes_), 1, [&](Ex lane) {
            const Ex key = b_.let(b_.load(some_, lane));
            x_.branch(least < key, [&] {
              sift(b_.integer(0), key, k);
              b_.assign(least, b_.load(heap_, b_.integer(0)));
            });
          });
        });
      });
      // The least goes to the end, and the next least before it.
      x_.loop(b_.integer(1), k, 1, [&](Ex i) {
        const Ex last = b_.let(k - i), key = b_.let(b_.load(heap_, last));
        b_.store(heap_, last, b_.load(heap_, b_.integer(0)));
        sift(b_.integer(0), key, last);
      });
      x_.loop(b_.integer(0), k, 1, [&](Ex i) { store(row, i); });
    });
    out_.kernel = b_.finish();
    return std::move(out_);
  }

 private:
  Ex lowest() { return b_.integer(std::numeric_limits<std::int64_t>::min()); }

  // Of the elements from i on; of those not before `end`, one below all.
  Ex keys(const IndexEnv& row, Ex i, Ex end) {
    const Ex inside = b_.let(b_.ramp(i, lanes_) < b_.splat(end, lanes_));
    const Ex v = b_.let(b_.splat(x_.value(node_.operands[0], row.masked(inside).with(a_.axis, Index::ramp(i, lanes_))), lanes_));
    const auto word = [&](std::int64_t w) { return b_.splat(b_.integer(w, DType::i32), lanes_); };
    constexpr std::int64_t kAllButSign = std::numeric_limits<std::int32_t>::max();
    Ex ordered = v;
    if (is_float(v.type().dtype)) {
      const Ex bits = b_.let(b_.bitcast(v + b_.splat(b_.real(0), lanes_), DType::i32));  // -0 + 0 is +0
      ordered = b_.select(bits < word(0), b_.bits(ExprKind::bit_xor, bits, word(kAllButSign)), bits);
      ordered = b_.select(equal(v, v), ordered, word(kAllButSign));
    }
    const Ex high = b_.bits(ExprKind::shift_left, b_.cast(ordered, DType::i64), b_.splat(b_.integer(32), lanes_));
    const Ex low = b_.splat(b_.integer(kAllButSign), lanes_) - b_.ramp(i, lanes_);
    return b_.select(inside, b_.bits(ExprKind::bit_or, high, low), b_.splat(lowest(), lanes_));
  }

  // Puts the key where it belongs below `from`, in a heap of `size` whose least is on top.
  void sift(Ex from, Ex key, Ex size) {
    const Ex at = b_.variable(from), child = b_.variable(from * 2 + 1);
    x_.loop(b_.integer(0), b_.integer(bits_of(a_.k)), 1, [&](Ex) {
      x_.branch(child < size, [&] {
        const Ex other = b_.let(min(child + 1, size - 1));
        const Ex left = b_.let(b_.load(heap_, child)), right = b_.let(b_.load(heap_, other));
        const Ex which = b_.let(b_.select(right < left, other, child)), least = b_.let(b_.apply(Op::min, {left, right}));
        x_.branch(
            least < key,
            [&] {
              b_.store(heap_, at, least);
              b_.assign(at, which);
              b_.assign(child, which * 2 + 1);
            },
            [&] { b_.assign(child, size); });
      });
    });
    b_.store(heap_, at, key);
  }

  void store(const IndexEnv& row, Ex i) {
    const Ex low = b_.bits(ExprKind::bit_and, b_.load(heap_, i), b_.integer(std::numeric_limits<std::int32_t>::max()));
    const Ex index = b_.let(b_.integer(std::numeric_limits<std::int32_t>::max()) - low);
    IndexEnv at = row;
    at.axes.erase(a_.axis);
    at.axes[a_.into] = Index::scalar(i);
    for (const Value& v : cluster_.outputs)
      x_.store(v, at, v.output == 0 ? x_.value(node_.operands[0], row.with(a_.axis, Index::scalar(index))) : b_.cast(index, DType::i32));
  }

  const GraphData& g_;
  const Cluster& cluster_;
  const Node& node_;
  const TopKAttrs& a_;
  const Type& space_;
  KernelBuilder b_{"selection.heap"};
  ScheduledKernel out_;
  Inline x_;
  const int lanes_;
  std::vector<LoopAxis> kept_;
  Ex n_;
  BufferId heap_ = 0, some_ = 0;
};

}  // namespace

bool suits_heap(const Graph& graph, const Cluster& cluster, const HostTarget& target) {
  const Node& node = graph->node(cluster.outputs[0].node);
  if (node.op != Op::top_k || target.vector_bytes < 8) return false;  // on a GPU every thread would have a heap
  const auto& a = node.as<TopKAttrs>();
  const Type& space = graph->type(node.operands[0]);
  const DType d = kernel::computing(space.dtype);
  if ((d != DType::f32 && d != DType::i32) || a.k > kMostKept || a.k < 2) return false;
  // In cycles, about: two passes over the row for each, or one and a walk down the heap for each that comes in and goes out.
  const double n = static_cast<double>(space.extent(a.axis).constant().value_or(kAssumedLength)), k = static_cast<double>(a.k);
  const double pass = 3 * n / std::max(1, target.vector_bytes / 4);
  const double walks = k * (2 + std::log(std::max(1.0, n / k)));
  return 2 * pass * k > 2 * pass + walks * (10 + 6 * bits_of(a.k));
}

Schedule selection_by_heap(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  Schedule out;
  out.kernels.push_back(Heap(graph, cluster, layouts, target).write());
  return out;
}

}  // namespace uwaga::schedule
