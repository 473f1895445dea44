#include <algorithm>
#include <functional>
#include <optional>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/dot_roles.h>
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

// Indices that do not belong to a row of the result, in the order of their axes' names: the order of the additions.
AxisNames axes_walked(const Type& space, const Type& indices) {
  AxisNames out;
  for (const Dim& dim : indices.dims)
    if (!space.has(dim.axis)) out.push_back(dim.axis);
  std::sort(out.begin(), out.end());
  return out;
}

// Where every row of the result starts as a number and gets whole rows: so that each is written once, a first kernel lists the
// updates by row, in their order, and a second adds up row after row.
class ListedRows {
 public:
  ListedRows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target)
      : graph_(graph), g_(graph.data()), cluster_(cluster), layouts_(layouts), target_(target), result_(cluster.outputs[0]),
        node_(g_.node(result_.node)), axis_(node_.as<AxisAttrs>().axis), space_(node_.types[0]), indices_(g_.type(node_.operands[1])),
        walked_(axes_walked(space_, indices_)), updates_(collapse(g_, cluster, layouts, indices_, walked_)) {
    AxisNames order = order_of(g_, layouts, result_);
    first_ = order.front() == axis_;
    order.erase(std::find(order.begin(), order.end(), axis_));
    kept_ = collapse(g_, cluster, layouts, space_, order);
  }

  // One thread lists: a GPU has none for that.
  bool serve() const {
    const bool input = std::find(cluster_.inputs.begin(), cluster_.inputs.end(), node_.operands[0]) != cluster_.inputs.end();
    return target_.vector_bytes > 1 && !input && first_ && kept_.size() == 1 && walked_.size() == static_cast<std::size_t>(indices_.rank());
  }

  Schedule run() {
    Schedule out;
    out.temporaries = {{DType::i64, space_.extent(axis_)}, {DType::i64, product(updates_)}};
    out.kernels.push_back(list());
    out.kernels.push_back(add());
    return out;
  }

 private:
  static kernel::BufferId ends(Inline& x, bool written) { return x.temporary(DType::i64, 0, written); }  // of the rows' parts of the list
  static kernel::BufferId listed(Inline& x, bool written) { return x.temporary(DType::i64, 1, written); }
  IndexEnv env_of(Inline& x, Ex update) const {
    IndexEnv env = zero_env(x.builder(), indices_);
    set_flat(x, env, updates_, Index::scalar(update));
    return env;
  }

  // Counts, and then sorts by counting.
  ScheduledKernel list() const {
    ScheduledKernel out;
    KernelBuilder b("scatter.list");
    Inline x(b, graph_, cluster_, layouts_, out);
    b.grid(b.integer(1));
    const Ex n = x.extent(space_.extent(axis_)), count = x.extent(product(updates_));
    const kernel::BufferId place = ends(x, true), list = listed(x, true);
    const auto each = [&](Ex end, const std::function<void(Ex)>& body) { x.loop(b.integer(0), end, 1, body); };
    const auto row_of = [&](const IndexEnv& from) { return b.let(x.value(node_.operands[1], from)); };
    // An index into an axis of no elements has failed; there is nothing to add to.
    each(n, [&](Ex row) { b.store(place, row, b.integer(0)); });
    each(count, [&](Ex u) {
      const IndexEnv from = env_of(x, u);
      const Ex pointed = row_of(from);
      x.at(result_.node);
      const Ex row = b.let(checked_index(x, pointed, space_.extent(axis_), from).base);
      x.branch(b.integer(0) < n, [&] { b.store(place, row, b.load(place, row) + 1); });
    });
    const Ex begin = b.variable(b.integer(0));
    each(n, [&](Ex row) {
      const Ex of_row = b.let(b.load(place, row));
      b.store(place, row, begin);
      b.assign(begin, begin + of_row);
    });
    each(count, [&](Ex u) {
      x.branch(b.integer(0) < n, [&] {
        const Ex row = b.let(max(min(b.cast(row_of(env_of(x, u)), DType::i64), n - 1), b.integer(0))), at = b.let(b.load(place, row));
        b.store(list, at, u);
        b.store(place, row, at + 1);
      });
    });
    out.kernel = b.finish();
    return out;
  }

  ScheduledKernel add() const {
    ScheduledKernel out;
    KernelBuilder b("scatter.rows");
    Inline x(b, graph_, cluster_, layouts_, out);
    const LoopAxis& inner = kept_[0];
    const Ex wide = x.extent(inner.extent), count = x.extent(product(updates_));
    const kernel::BufferId ends_of = ends(x, false), list = listed(x, false);
    const int lanes = lanes_for(g_, cluster_, target_, inner.extent);
    const auto columns = inner.extent.constant();
    std::int64_t vectors = std::max<std::int64_t>(1, kPieceBytes / target_.vector_bytes);
    if (columns) vectors = std::clamp<std::int64_t>((*columns + (lanes - 1)) / lanes, 1, vectors);
    const std::int64_t width = vectors * lanes;
    const bool whole = columns && *columns % width == 0;
    const LoopAxis rows{{axis_}, space_.extent(axis_)};
    row_tasks(x, {rows}, elements_of_row(), zero_env(b, space_), [&](const IndexEnv& at_row) {
      const Ex row = at_row.at(axis_).base;
      const Ex begin = b.let(b.select(b.integer(0) < row, b.load(ends_of, max(row - 1, b.integer(0))), b.integer(0)));
      const Ex end = b.let(b.load(ends_of, row));
      x.loop(b.integer(0), wide, width, [&](Ex first) {
        const auto in_vector = [&](IndexEnv env, std::int64_t v) {
          const Ex column = first + v * lanes;
          set_index(env, inner, Index::ramp(column, lanes, lanes), b);
          return whole ? env : env.masked(b.ramp(column, lanes) < wide);
        };
        std::vector<Ex> sums;
        for (std::int64_t v = 0; v < vectors; ++v)
          sums.push_back(b.variable(b.splat(x.value(node_.operands[0], in_vector(at_row, v)), lanes)));
        x.loop(begin, end, 1, [&](Ex k) {
          const auto row_of = [&](Ex place) {
            IndexEnv from = at_row;
            from.axes.erase(axis_);
            for (const auto& [name, index] : env_of(x, b.let(b.load(list, place))).axes) from.axes[name] = index;
            return from;
          };
          // The row of the list's next update is read next, whichever row of the result it is for.
          if (const auto d = leading_operand(x, node_.operands[2])) {
            IndexEnv next = row_of(b.let(min(k + 1, count - 1)));
            set_index(next, inner, Index::scalar(first), b);
            fetch(x, *d, next, width);
          }
          const IndexEnv from = row_of(k);
          for (std::int64_t v = 0; v < vectors; ++v) {
            Ex& sum = sums[static_cast<std::size_t>(v)];
            b.assign(sum, sum + b.splat(x.value(node_.operands[2], in_vector(from, v)), lanes));
          }
        });
        for (std::int64_t v = 0; v < vectors; ++v) x.store(result_, in_vector(at_row, v), sums[static_cast<std::size_t>(v)]);
      });
    });
    out.kernel = b.finish();
    return out;
  }

  // What a row takes, about: itself, and its share of the updates.
  Extent elements_of_row() const {
    const auto n = space_.extent(axis_).constant(), count = product(updates_).constant();
    return kept_[0].extent * Extent(n && count && *n > 0 ? 1 + *count / *n : 1);
  }

  const Graph& graph_;
  const GraphData& g_;
  const Cluster& cluster_;
  const Layouts& layouts_;
  const HostTarget& target_;
  const Value result_;
  const Node& node_;
  const std::string axis_;
  const Type& space_;
  const Type& indices_;
  const AxisNames walked_;
  const std::vector<LoopAxis> updates_;
  bool first_ = false;
  std::vector<LoopAxis> kept_;
};

}  // namespace

Schedule scatter_add(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Value result = cluster.outputs[0];
  const Node& node = g.node(result.node);
  if (ListedRows listed(graph, cluster, layouts, target); listed.serve()) return listed.run();
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
  const AxisNames walked = axes_walked(space, indices);
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
