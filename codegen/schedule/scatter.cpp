#include <algorithm>
#include <functional>
#include <optional>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/elementwise.h>
#include <uwaga/codegen/schedule/index_ops.h>
#include <uwaga/codegen/schedule/loops.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::schedule {
namespace {

constexpr std::int64_t kPieceBytes = 256;  // of a row, a task: an index is read once for all of them

// Where the sums are added up: the result itself, or for narrow floats, which are rounded once, a temporary in f32.
class Sums {
 public:
  Sums(Inline& x, Value result, bool written) : x_(x), result_(result), dtype_(x.graph().type(result).dtype), written_(written) {}

  bool narrow() const { return kernel::computing(dtype_) != dtype_; }
  Ex load(const IndexEnv& at) { return narrow() ? x_.builder().load(buffer(), place(at), at.mask) : x_.load(result_, at); }
  void store(const IndexEnv& at, Ex v) {
    if (!narrow()) return x_.store(result_, at, v);
    const Ex to = place(at);
    x_.builder().store(buffer(), to, x_.builder().splat(v, to.type().lanes), at.mask);
  }

 private:
  kernel::BufferId buffer() { return x_.temporary(kernel::computing(dtype_), 0, written_); }
  Ex place(const IndexEnv& at) { return lanes_of(x_.address(result_, at)); }

  Inline& x_;
  Value result_;
  DType dtype_;
  bool written_;
};

// One kernel that goes over all elements of the result in one piece.
ScheduledKernel sweep(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const char* kind,
                      const std::function<void(Inline&, const IndexEnv&)>& body) {
  ScheduledKernel out;
  KernelBuilder b(kind);
  Inline x(b, graph, cluster, layouts, out);
  each_element(x, target, cluster.outputs[0], [&](const IndexEnv& at) { body(x, at); });
  out.kernel = b.finish();
  return out;
}

// What is added to, if the copy of it can be left out: it lies as the result does and is read for nothing else.
std::optional<Value> copied_base(const GraphData& g, const Cluster& cluster, const Layouts& layouts, const Node& node) {
  const Value base = node.operands[0];
  if (std::find(cluster.inputs.begin(), cluster.inputs.end(), base) == cluster.inputs.end()) return std::nullopt;
  if (order_of(g, layouts, base) != order_of(g, layouts, cluster.outputs[0])) return std::nullopt;
  std::ptrdiff_t readers = 0;
  for (NodeId id : cluster.nodes) readers += std::count(g.node(id).operands.begin(), g.node(id).operands.end(), base);
  return readers == 1 ? std::optional(base) : std::nullopt;
}

}  // namespace

Schedule scatter_add(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Value result = cluster.outputs[0];
  const Node& node = g.node(result.node);
  Schedule out;
  out.kernels.push_back(sweep(graph, cluster, layouts, target, "scatter.copy", [&](Inline& x, const IndexEnv& at) {
    Sums(x, result, true).store(at, x.value(node.operands[0], at));
  }));
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("scatter");
  Inline x(b, graph, cluster, layouts, scheduled);
  Sums sums(x, result, true);
  const std::string axis = node.as<AxisAttrs>().axis;
  const Type& space = node.types[0];
  const Type& indices = g.type(node.operands[1]);
  AxisNames order = order_of(g, layouts, result);
  order.erase(std::find(order.begin(), order.end(), axis));
  std::vector<LoopAxis> kept = collapse(g, cluster, layouts, space, order);
  // Indices that do not belong to a row of the result, in the order of their axes' names: the order of the additions.
  AxisNames walked;
  for (const Dim& dim : indices.dims)
    if (!space.has(dim.axis)) walked.push_back(dim.axis);
  std::sort(walked.begin(), walked.end());
  const std::vector<LoopAxis> updates = collapse(g, cluster, layouts, indices, walked);
  const Ex n = x.extent(space.extent(axis)), count = x.extent(product(updates));

  int lanes = 1;
  std::int64_t vectors = 1;
  bool whole = true;  // are the columns of all tasks real ones?
  Ex first, wide;
  LoopAxis inner;
  IndexEnv zero = zero_env(b, space);
  if (!kept.empty()) {
    inner = kept.back();
    kept.pop_back();
    // A vector needs one index for all its lanes.
    const bool own = std::any_of(inner.axes.begin(), inner.axes.end(), [&](const std::string& a) { return indices.has(a); });
    lanes = own ? 1 : lanes_for(g, cluster, target, inner.extent);
    const auto columns = inner.extent.constant();
    if (!own) vectors = std::max<std::int64_t>(1, kPieceBytes / target.vector_bytes);
    if (columns) vectors = std::clamp<std::int64_t>((*columns + (lanes - 1)) / lanes, 1, vectors);
    const std::int64_t width = vectors * lanes;
    whole = width == 1 || (columns && *columns % width == 0);
    wide = x.extent(inner.extent);
    first = b.let(b.grid((wide + (width - 1)) / width) * width);
    set_index(zero, inner, Index::scalar(first), b);
  }
  const auto in_vector = [&](IndexEnv env, std::int64_t v) {
    if (!first) return env;
    const Ex column = first + v * lanes;
    set_index(env, inner, Index::ramp(column, lanes, lanes), b);
    return whole ? env : env.masked(b.ramp(column, lanes) < wide);
  };
  row_tasks(x, kept, product(updates) * (vectors * lanes), zero, [&](const IndexEnv& row) {
    x.loop(b.integer(0), count, 1, [&](Ex u) {
      IndexEnv from = row;
      for (const std::string& a : walked) from.axes[a] = Index::scalar(b.integer(0));
      set_flat(x, from, updates, Index::scalar(u));
      const Ex pointed = b.let(x.value(node.operands[1], from));
      x.at(cluster.outputs.at(0).node);
      const Index to = checked_index(x, pointed, space.extent(axis), from);
      from.axes.erase(axis);
      const Ex at = b.let(to.base);
      // An index into an axis of no elements has failed; there is nothing to add to.
      x.branch(b.integer(0) < n, [&] {
        for (std::int64_t v = 0; v < vectors; ++v) {
          const Ex more = b.splat(x.value(node.operands[2], in_vector(from, v)), lanes);
          const IndexEnv here = in_vector(row.with(axis, Index::scalar(at)), v);
          sums.store(here, sums.load(here) + more);
        }
      });
    });
  });
  scheduled.kernel = b.finish();
  if (!sums.narrow()) {
    out.copied = copied_base(g, cluster, layouts, node);
  } else {
    out.temporaries.push_back({kernel::computing(space.dtype), space.elements()});
    out.kernels.push_back(sweep(graph, cluster, layouts, target, "scatter.round",
                                [&](Inline& x, const IndexEnv& at) { x.store(result, at, Sums(x, result, false).load(at)); }));
  }
  return out;
}

}  // namespace uwaga::schedule
