#include <uwaga/codegen/schedule/internal/dot_blocks.h>

#include <algorithm>
#include <utility>

#include <uwaga/codegen/schedule/reduce.h>

namespace uwaga::schedule {

using namespace kernel;

namespace {

// Vectors of results that a task finishes.
constexpr std::int64_t kVectorsOfTask = 4;

Extent entries_of(const GraphData& g, const Roles& r) { return product(g.node(r.node).types[0], r.batch); }
Extent rows_of(const GraphData& g, const Roles& r) { return product(g.type(r.a), r.rows); }
Extent columns_of(const GraphData& g, const Roles& r) { return product(g.type(r.b), r.columns); }

// Adds the blocks up.
ScheduledKernel add_blocks(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Roles roles = find_roles(g, cluster, layouts);
  ScheduledKernel out;
  KernelBuilder b("contraction.total");
  Inline x(b, graph, cluster, layouts, out);
  b.at(roles.ordinal);
  const RoleAxes axes = collapse_roles(x, roles);
  const DType dtype = sums_in(g, roles);
  const int lanes = lanes_of_sums(target, dtype);
  // Vectors run along the columns. Where there is but one, and so but one row, they run along the entries.
  const bool single = columns_of(g, roles) == Extent(1);
  const Extent along = single ? entries_of(g, roles) : columns_of(g, roles);
  // Of short rows, several are a task's.
  const std::int64_t vectors = parts(std::max<std::int64_t>(1, along.constant().value_or(kVectorsOfTask * lanes)), lanes);
  const std::int64_t rows_a_task = std::max<std::int64_t>(1, kVectorsOfTask / vectors);
  const Ex zero = b.integer(0), length = x.extent(along), width = b.integer(kVectorsOfTask * lanes);
  const Ex rows = single ? b.integer(1) : x.extent(rows_of(g, roles));
  const Ex entry = single ? zero : b.grid(x.extent(entries_of(g, roles)));
  const Ex rows_of_task = b.grid((rows + (rows_a_task - 1)) / rows_a_task), piece = b.grid((length + (width - 1)) / width);
  const Ex first_row = b.let(rows_of_task * rows_a_task), begin = b.let(piece * width), end = b.let(min(begin + width, length));
  DotBlocks blocks(x, roles);
  const BufferId from = x.temporary(dtype, 0, false);
  IndexEnv env;
  for (Value v : {roles.a, roles.b})
    for (const Dim& d : g.type(v).dims) env.axes[d.axis] = Index::scalar(zero);
  if (!single) set_flat(x, env, axes.batch, Index::scalar(entry));
  const auto vector = [&](Ex row, Ex first, bool masked) {
    const Ex mask = masked ? b.let(b.ramp(first, lanes) < b.splat(length, lanes)) : Ex();
    // A first block is added to -0, which leaves every number as it is.
    const Ex sum = b.variable(b.splat(is_float(dtype) ? b.real(-0.0, dtype) : b.integer(0, dtype), lanes));
    b.loop(zero, blocks.count(), 1, [&](Ex block) {
      const Ex place = single ? blocks.place(block, first, zero, zero) : blocks.place(block, entry, row, first);
      b.assign(sum, sum + b.load(from, b.ramp(place, lanes), mask));
    });
    IndexEnv at = masked ? env.masked(mask) : env;
    if (!single) set_flat(x, at, axes.rows, Index::scalar(row));
    set_flat(x, at, single ? axes.batch : axes.columns, Index::ramp(first, lanes, lanes));
    b.at(roles.ordinal);
    if (along == Extent(1)) finish_dot(x, roles.node, env, b.lanes(sum, 0, 1));
    else finish_dot(x, roles.node, at, sum);
  };
  const Ex whole = b.let(begin + (end - begin) / lanes * lanes);
  const auto known = along.constant();
  x.loop(first_row, min(first_row + rows_a_task, rows), 1, [&](Ex row) {
    x.loop(begin, whole, lanes, [&](Ex first) { vector(row, first, false); });
    if (!known || *known % lanes != 0) x.branch(whole < end, [&] { vector(row, whole, true); });
  });
  out.kernel = b.finish();
  return out;
}

}  // namespace

DotBlocks::DotBlocks(Inline& x, const Roles& r)
    : entries_(x.extent(entries_of(x.graph(), r))), rows_(x.extent(rows_of(x.graph(), r))), columns_(x.extent(columns_of(x.graph(), r))) {
  count_ = max((x.extent(product(x.graph().type(r.a), r.over)) + (kBlock - 1)) / kBlock, x.builder().integer(1));
}

Schedule in_blocks(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, ScheduledKernel sums) {
  const GraphData& g = graph.data();
  const Roles r = find_roles(g, cluster, layouts);
  Schedule s;
  s.temporaries.push_back(
      of_blocks(sums_in(g, r), entries_of(g, r) * rows_of(g, r) * columns_of(g, r), product(g.type(r.a), r.over) + 1, kBlock));
  s.kernels.push_back(std::move(sums));
  s.kernels.push_back(add_blocks(graph, cluster, layouts, target));
  return s;
}

}  // namespace uwaga::schedule
