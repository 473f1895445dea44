#include <algorithm>
#include <functional>
#include <limits>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/index_ops.h>
#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::schedule {
namespace {

Ex is_nan(Ex v) { return logical_not(equal(v, v)); }

// In the order of selection: NaN is the largest, and equal to NaN.
Ex same(Ex a, Ex b) { return is_float(a.type().dtype) ? equal(a, b) || (is_nan(a) && is_nan(b)) : equal(a, b); }
Ex below(Ex a, Ex b) { return is_float(a.type().dtype) ? a < b || (is_nan(b) && logical_not(is_nan(a))) : a < b; }

const std::string& axis_of(const Node& node) {
  return node.op == Op::argmax ? node.as<AxisAttrs>().axis : node.as<TopKAttrs>().axis;
}

// Of top_k there is but one part.
ScheduledKernel written(SumPart part, const char* kind, const Graph& graph, const Cluster& cluster, const Layouts& layouts,
                        const HostTarget& target) {
  const GraphData& g = graph.data();
  ScheduledKernel out;
  KernelBuilder b(kind);
  Inline x(b, graph, cluster, layouts, out);
  const NodeId id = cluster.outputs[0].node;
  const Node& node = g.node(id);
  const bool one = node.op == Op::argmax;
  const std::string axis = axis_of(node);
  const Type& space = g.type(node.operands[0]);
  AxisNames order = order_of(g, layouts, node.operands[0]);
  order.erase(std::find(order.begin(), order.end(), axis));
  const std::vector<LoopAxis> kept = collapse(g, cluster, layouts, space, order);
  const Extent& length = space.extent(axis);
  const int lanes = lanes_for(g, cluster, target, length);
  const DType d = kernel::computing(space.dtype);
  const Ex n = x.extent(length), none = b.integer(std::numeric_limits<std::int32_t>::max(), DType::i32);

  // A task's terms: a row's elements, a block's of them, or what the blocks of the row gave.
  Ex begin = b.integer(0), end = n, first;
  kernel::BufferId values = 0, indices = 0;
  const auto index = [&](const Index& i, Ex mask) {
    return part == SumPart::total ? b.load(indices, lanes_of(i + first), mask) : b.cast(lanes_of(i), DType::i32);
  };
  const auto reduce = [&](const Reduction& r, int cost, const std::function<Ex(const Index& i, Ex mask)>& term) {
    const Terms terms = [&](const Index& i, Ex mask) { return std::vector<Ex>{term(i, mask)}; };
    return b.let((part == SumPart::blocks ? reduce_block(x, begin, end, lanes, cost, {r}, terms) : reduce_row(x, end, lanes, cost, {r}, terms))[0]);
  };
  // The largest element behind (value, index) in the order of selection; all are while the index is -1.
  const auto next = [&](const IndexEnv& row, Ex last_value, Ex last_index) {
    const auto element = [&](const Index& i, Ex mask) {
      if (part == SumPart::total) return b.load(values, lanes_of(i + first), mask);
      return x.value(node.operands[0], (mask ? row.masked(mask) : row).with(axis, i));
    };
    const auto left = [&](Ex v, const Index& i) {
      const Ex behind = below(v, last_value) || (same(v, b.splat(last_value, v.type().lanes)) && last_index < b.cast(lanes_of(i), DType::i32));
      return behind || equal(last_index, b.integer(-1, DType::i32));
    };
    const Reduction largest{{}, Op::max, d, kernel::lowest(b, d)}, lowest{{}, Op::min, DType::i32, none};
    const Ex value = reduce(largest, 2, [&](const Index& i, Ex mask) {
      const Ex v = b.let(element(i, mask));
      return one ? v : b.select(left(v, i), v, largest.identity);
    });
    const Ex at = reduce(lowest, 4, [&](const Index& i, Ex mask) {
      const Ex v = b.let(element(i, mask));
      const Ex here = one ? same(v, b.splat(value, v.type().lanes)) : same(v, b.splat(value, v.type().lanes)) && left(v, i);
      return b.select(here, index(i, mask), none);
    });
    return std::pair{value, at};
  };
  const auto store = [&](std::uint32_t output, const IndexEnv& at, Ex e) {
    const Value v{id, output};
    if (std::find(cluster.outputs.begin(), cluster.outputs.end(), v) != cluster.outputs.end()) x.store(v, at, e);
  };
  if (part != SumPart::all) {
    const Ex row = b.grid(x.extent(product(kept))), blocks = (n + (kSumBlock - 1)) / kSumBlock;
    values = x.temporary(d, 0, part == SumPart::blocks);
    indices = x.temporary(DType::i32, 1, part == SumPart::blocks);
    IndexEnv env = zero_env(b, space);
    set_flat(x, env, kept, Index::scalar(row));
    if (part == SumPart::blocks) {
      const Ex block = b.grid(blocks);
      begin = b.let(block * kSumBlock);
      end = b.let(min(begin + kSumBlock, n));
      const auto [value, at] = next(env, {}, {});
      const Ex to = b.let(row * blocks + block);
      b.store(values, to, value);
      b.store(indices, to, at);
    } else {
      first = b.let(row * blocks);
      end = blocks;
      store(0, env, next(env, {}, {}).second);
    }
    out.kernel = b.finish();
    return out;
  }
  row_tasks(x, kept, length, zero_env(b, space), [&](const IndexEnv& row) {
    if (one) {
      store(0, row, next(row, {}, {}).second);
      return;
    }
    const auto& a = node.as<TopKAttrs>();
    const Ex value = b.variable(kernel::lowest(b, d)), index = b.variable(b.integer(-1, DType::i32));
    x.loop(b.integer(0), b.integer(a.k), 1, [&](Ex k) {
      const auto [v, i] = next(row, value, index);
      b.assign(value, v);
      b.assign(index, i);
      IndexEnv at = row;
      at.axes.erase(axis);
      at.axes[a.into] = Index::scalar(k);
      store(0, at, v);
      store(1, at, i);
    });
  });
  out.kernel = b.finish();
  return out;
}

}  // namespace

Schedule selection(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  if (suits_heap(graph, cluster, target)) return selection_by_heap(graph, cluster, layouts, target);
  const Node& node = graph->node(cluster.outputs[0].node);
  const Type& space = graph->type(node.operands[0]);
  const Extent rows = space.without({axis_of(node)}).elements(), &length = space.extent(axis_of(node));
  const auto write = [&](SumPart part, const char* kind) { return written(part, kind, graph, cluster, layouts, target); };
  Schedule out;
  if (node.op != Op::argmax || !divides(length, rows.constant(), 1, target)) {
    out.kernels.push_back(write(SumPart::all, "selection"));
    return out;
  }
  out.kernels.push_back(write(SumPart::blocks, "selection.blocks"));
  out.kernels.push_back(write(SumPart::total, "selection.total"));
  for (DType d : {kernel::computing(space.dtype), DType::i32}) out.temporaries.push_back(of_blocks(d, rows, length));
  return out;
}

}  // namespace uwaga::schedule
