#include <uwaga/codegen/schedule/dot_roles.h>

#include <algorithm>

#include <uwaga/ir/error.h>

namespace uwaga::schedule {

using namespace kernel;

bool contains(const AxisNames& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

Extent product(const Type& t, const AxisNames& axes) {
  Extent e = 1;
  for (const std::string& a : axes) e = e * t.extent(a);
  return e;
}

namespace {

// The order in which the axes of a value of the dot lie in what the cluster stores: of `axes`, slowest first. An axis that
// the epilogue renamed, split or merged is looked up under the name it has in the dot, else put first.
AxisNames in_memory_order(const GraphData& g, const Cluster& c, const Layouts& layouts, const AxisNames& axes) {
  AxisNames out;
  for (Value v : c.outputs) {
    const auto layout = layouts.find(v);
    const AxisNames order = layout != layouts.end() ? layout->second.order : g.type(v).axes();
    const bool all = std::all_of(axes.begin(), axes.end(), [&](const std::string& a) { return contains(order, a); });
    if (!all) continue;
    for (const std::string& a : order)
      if (contains(axes, a)) out.push_back(a);
    return out;
  }
  return axes;
}

}  // namespace

Roles find_roles(const GraphData& g, const Cluster& c, const Layouts& layouts) {
  Roles r;
  bool found = false;
  for (std::size_t i = 0; i < c.nodes.size(); ++i)
    if (g.node(c.nodes[i]).op == Op::dot) {
      check_internal(!found, "a contraction cluster with two dots");
      found = true;
      r.node = c.nodes[i];
      r.ordinal = static_cast<Ordinal>(i);
    }
  check_internal(found, "a contraction cluster without a dot");
  const Node& n = g.node(r.node);
  r.a = n.operands[0];
  r.b = n.operands[1];
  r.over = n.as<DotAttrs>().over;
  const Type &a = g.type(r.a), &b = g.type(r.b);
  const AxisNames order = in_memory_order(g, c, layouts, n.types[0].axes());
  for (const std::string& axis : order) (a.has(axis) ? (b.has(axis) ? r.batch : r.rows) : r.columns).push_back(axis);
  // The fastest axis of the result that is not a batch axis belongs to the columns, which are vectorised.
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (contains(r.batch, *it)) continue;
    if (contains(r.rows, *it)) {
      std::swap(r.rows, r.columns);
      std::swap(r.a, r.b);
    }
    break;
  }
  return r;
}

void spread_flat(Inline& x, IndexEnv& env, const AxisNames& axes, const Type& type, Index flat) {
  for (std::size_t i = axes.size(); i-- > 1;) {
    const Ex extent = x.extent(type.extent(axes[i]));
    env.axes[axes[i]] = flat % extent;
    flat = flat / extent;
  }
  if (!axes.empty()) env.axes[axes[0]] = flat;
}

std::optional<StoredOperand> stored_operand(const Inline& x, Value operand) {
  const GraphData& g = x.graph();
  StoredOperand d{operand, {}};
  for (const Dim& i : g.type(operand).dims) d.names[i.axis] = i.axis;
  while (x.computes(d.stored.node)) {
    const Node& n = g.node(d.stored.node);
    if (n.op == Op::rename) {
      for (auto& [mine, theirs] : d.names)
        if (theirs == n.as<RenameAttrs>().to) theirs = n.as<RenameAttrs>().from;
    } else if (n.op != Op::order && n.op != Op::tag && n.op != Op::stop_gradient) {
      return std::nullopt;
    }
    d.stored = n.operands[0];
  }
  const Node& leaf = g.node(d.stored.node);
  if (leaf.op == Op::constant || leaf.op == Op::iota || leaf.op == Op::random_bits) return std::nullopt;
  return d;
}

std::map<Value, IndexEnv> epilogue_envs(Inline& x, NodeId dot, const IndexEnv& at) {
  const GraphData& g = x.graph();
  std::map<Value, IndexEnv> envs;
  envs[{dot, 0}] = at;
  for (NodeId id : x.cluster().nodes) {
    const Node& n = g.node(id);
    const auto from = std::find_if(n.operands.begin(), n.operands.end(), [&](Value v) { return envs.count(v) > 0; });
    if (from == n.operands.end()) continue;
    IndexEnv env = envs[*from];
    const Type& t = g.type(*from);
    if (n.op == Op::rename) {
      env.axes[n.as<RenameAttrs>().to] = env.at(n.as<RenameAttrs>().from);
    } else if (n.op == Op::split) {
      AxisNames into;
      for (const Dim& d : n.as<SplitAttrs>().into) into.push_back(d.axis);
      spread_flat(x, env, into, n.types[0], env.at(n.as<SplitAttrs>().axis));
    } else if (n.op == Op::merge) {
      const auto& a = n.as<MergeAttrs>();
      Index flat = env.at(a.axes[0]);
      for (std::size_t i = 1; i < a.axes.size(); ++i) {
        const Index scaled = flat * x.extent(t.extent(a.axes[i]));
        flat = scaled + env.at(a.axes[i]);
      }
      env.axes[a.into] = flat;
    } else {
      check_internal(is_elementwise(n.op) || n.op == Op::order || n.op == Op::tag || n.op == Op::stop_gradient,
                     "an epilogue with an op that moves elements");
    }
    envs[{id, 0}] = env;
  }
  return envs;
}

}  // namespace uwaga::schedule
