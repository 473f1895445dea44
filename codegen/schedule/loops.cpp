#include <uwaga/codegen/schedule/loops.h>

#include <algorithm>

#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::schedule {
namespace {

// Of AVX2. Its processors see some fifty operations on vectors ahead, which is one long chain; those with wider vectors have more
// to do for each of these, and see further.
constexpr int kNarrowBytes = 32;

}  // namespace

std::set<std::string> touched_axes(const GraphData& graph, const Cluster& cluster) {
  std::set<std::string> out;
  for (NodeId id : cluster.nodes) {
    const Node& n = graph.node(id);
    switch (n.op) {
      case Op::iota: case Op::random_bits: case Op::scatter_add:
        for (const Dim& d : n.types[0].dims) out.insert(d.axis);
        break;
      case Op::split:
        out.insert(n.as<SplitAttrs>().axis);
        for (const Dim& d : n.as<SplitAttrs>().into) out.insert(d.axis);
        break;
      case Op::merge:
        out.insert(n.as<MergeAttrs>().into);
        out.insert(n.as<MergeAttrs>().axes.begin(), n.as<MergeAttrs>().axes.end());
        break;
      case Op::rename:
        out.insert(n.as<RenameAttrs>().from);
        out.insert(n.as<RenameAttrs>().to);
        break;
      case Op::slice: out.insert(n.as<SliceAttrs>().axis); break;
      case Op::pad: out.insert(n.as<PadAttrs>().axis); break;
      case Op::concat: case Op::reverse: case Op::gather: case Op::argmax: case Op::dynamic_update:
        out.insert(n.as<AxisAttrs>().axis);
        break;
      case Op::dynamic_slice: out.insert(n.as<DynamicSliceAttrs>().axis); break;
      case Op::cumsum: out.insert(n.as<CumsumAttrs>().axis); break;
      case Op::top_k:
        out.insert(n.as<TopKAttrs>().axis);
        out.insert(n.as<TopKAttrs>().into);
        break;
      case Op::sum: case Op::reduce_max:
        if (kernel::is_inlined(graph, n)) out.insert(n.as<ReduceAttrs>().over.begin(), n.as<ReduceAttrs>().over.end());
        break;
      default: break;
    }
  }
  return out;
}

AxisNames order_of(const GraphData& graph, const Layouts& layouts, Value v) {
  const auto it = layouts.find(v);
  return it == layouts.end() ? graph.type(v).axes() : it->second.order;
}

AxisNames stored_axes(const GraphData& graph, const Layouts& layouts, Value v) {
  const Type& type = graph.type(v);
  const auto it = layouts.find(v);
  AxisNames axes;
  for (const std::string& axis : order_of(graph, layouts, v)) {
    if (it != layouts.end() && it->second.room && it->second.room->axis == axis) axes.push_back(kGap);
    if (!(type.extent(axis) == Extent(1))) axes.push_back(axis);
  }
  return axes;
}

std::vector<LoopAxis> join_neighbours(const Type& space, const AxisNames& order, const std::set<std::string>& touched,
                                      const std::vector<AxisNames>& stored) {
  const auto adjacent = [&](const std::string& a, const std::string& b) {
    if (touched.contains(a) || touched.contains(b)) return false;
    return std::all_of(stored.begin(), stored.end(), [&](const AxisNames& axes) {
      const auto at_a = std::find(axes.begin(), axes.end(), a), at_b = std::find(axes.begin(), axes.end(), b);
      return at_a == axes.end() || at_b == axes.end() ? at_a == at_b : at_b == at_a + 1;
    });
  };
  std::vector<LoopAxis> out;
  for (const std::string& axis : order) {
    const Extent& extent = space.extent(axis);
    if (extent == Extent(1)) continue;
    if (!out.empty() && adjacent(out.back().axes.back(), axis)) {
      out.back().axes.push_back(axis);
      out.back().extent = out.back().extent * extent;
    } else {
      out.push_back({{axis}, extent});
    }
  }
  return out;
}

std::vector<LoopAxis> collapse(const GraphData& graph, const Cluster& cluster, const Layouts& layouts, const Type& space,
                               const AxisNames& order) {
  std::vector<AxisNames> stored;
  for (const auto* values : {&cluster.inputs, &cluster.outputs})
    for (const Value& v : *values) stored.push_back(stored_axes(graph, layouts, v));
  return join_neighbours(space, order, touched_axes(graph, cluster), stored);
}

IndexEnv zero_env(KernelBuilder& b, const Type& space) {
  IndexEnv env;
  for (const Dim& d : space.dims) env.axes[d.axis] = Index::scalar(b.integer(0));
  return env;
}

void set_index(IndexEnv& env, const LoopAxis& axis, const Index& index, KernelBuilder& b) {
  for (const std::string& a : axis.axes) env.axes[a] = Index::scalar(b.integer(0));
  env.axes[axis.axes.back()] = index;
}

void set_flat(Inline& x, IndexEnv& env, const std::vector<LoopAxis>& axes, Index flat) {
  for (std::size_t i = axes.size(); i-- > 0;) {
    const Ex n = x.extent(axes[i].extent);
    Index here = i == 0 ? flat : flat % n;
    if (here.is_scalar()) here.base = x.builder().let(here.base);
    set_index(env, axes[i], here, x.builder());
    if (i > 0) flat = flat / n;
  }
}

Extent product(const std::vector<LoopAxis>& axes) {
  Extent n = 1;
  for (const LoopAxis& a : axes) n = n * a.extent;
  return n;
}

bool has_long_chains(const GraphData& graph, const std::vector<NodeId>& nodes, const HostTarget& target) {
  if (target.vector_bytes != kNarrowBytes) return false;
  int rank = 0;
  for (NodeId id : nodes) rank = std::max(rank, graph.node(id).types[0].rank());
  return std::any_of(nodes.begin(), nodes.end(), [&](NodeId id) {
    return is_elementwise(graph.node(id).op) && graph.node(id).types[0].rank() == rank && kernel::cost_of(graph, graph.node(id)) >= kernel::kTranscendental;
  });
}

int lanes_for(const GraphData& graph, const Cluster& cluster, const HostTarget& target, const Extent& axis) {
  std::size_t bytes = 4;
  for (NodeId id : cluster.nodes)
    for (const Type& t : graph.node(id).types)
      if (t.rank() > 0) bytes = std::max(bytes, size_of(t.dtype));
  int lanes = std::max(1, target.vector_bytes / static_cast<int>(bytes));
  if (has_long_chains(graph, cluster.nodes, target)) lanes *= 2;
  if (const auto n = axis.constant())
    while (lanes > 1 && lanes / 2 >= *n) lanes /= 2;
  return lanes;
}

void vector_loop(Inline& x, Ex begin, Ex end, int lanes, const VectorBody& body) {
  KernelBuilder& b = x.builder();
  if (lanes == 1) {
    x.loop(begin, end, 1, [&](Ex i) { body(Index::scalar(i), {}); });
    return;
  }
  Ex whole = begin + (end - begin) / lanes * lanes;
  if (!kernel::constant_of(whole)) whole = b.let(whole);
  x.loop(begin, whole, lanes, [&](Ex i) { body(Index::ramp(i, lanes, lanes), {}); });
  x.branch(whole < end, [&] { body(Index::ramp(whole, lanes, lanes), b.ramp(whole, lanes) < end); });
}

void in_whole_vectors(Inline& x, const std::vector<LoopAxis>& axes, int lanes, const std::function<void()>& body) {
  if (axes.size() < 2 || lanes == 1 || axes.back().extent.is_constant()) return body();
  const Ex inner = x.extent(axes.back().extent);
  x.branch(inner % lanes < 1, [&] { x.builder().with_multiple(inner, lanes, body); }, body);
}

void hoist_rows(Inline& x, const IndexEnv& env, const Type& space, const std::set<std::string>& inner,
                const std::function<bool(Value)>& known) {
  const GraphData& graph = x.graph();
  const std::set<std::string> touched = touched_axes(graph, x.cluster());
  const auto varies = [&](const Type& t) {
    return std::any_of(t.dims.begin(), t.dims.end(), [&](const Dim& d) { return inner.contains(d.axis); });
  };
  // Indices are the loop's own only along axes that nothing maps.
  const auto plain = [&](const Type& t) {
    return std::all_of(t.dims.begin(), t.dims.end(), [&](const Dim& d) {
      const Dim* s = space.find(d.axis);
      return s && s->extent == d.extent && !touched.contains(d.axis);
    });
  };
  std::set<Value> done;
  for (NodeId id : x.cluster().nodes) {
    const Node& n = graph.node(id);
    if (!varies(n.types[0])) continue;
    for (const Value& v : n.operands) {
      const Type& t = graph.type(v);
      if (varies(t) || !plain(t) || !known(v) || !done.insert(v).second) continue;
      x.hoist(v, env);
    }
  }
}

void row_tasks(Inline& x, const std::vector<LoopAxis>& rows, const Extent& row, IndexEnv env,
               const std::function<void(const IndexEnv&)>& body) {
  KernelBuilder& b = x.builder();
  if (rows.empty()) {
    b.grid(b.integer(1));
    body(env);
    return;
  }
  const Ex count = x.extent(product(rows));
  const Ex per = max(b.integer(kTaskElements) / max(x.extent(row), b.integer(1)), b.integer(1));
  const auto one_row = [&](Ex r) {
    IndexEnv at = env;
    set_flat(x, at, rows, Index::scalar(r));
    body(at);
  };
  if (const std::int64_t* c = kernel::constant_of(per); c && *c == 1) {
    one_row(b.grid(count));
    return;
  }
  const Ex task = b.grid((count + per - 1) / per);
  const Ex first = b.let(task * per);
  x.loop(first, b.let(min(first + per, count)), 1, one_row);
}

}  // namespace uwaga::schedule
