#include <uwaga/codegen/schedule/dot_roles.h>

#include <algorithm>
#include <set>

#include <uwaga/ir/attributes.h>
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

int lanes_of_sums(const HostTarget& target, DType dtype) { return std::max(1, target.vector_bytes / std::max(4, static_cast<int>(size_of(dtype)))); }

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
  // The fastest axis of the result that is not a batch axis belongs to the columns, which are vectorised. (One of a single element
  // is no axis to loop over.)
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (contains(r.batch, *it) || n.types[0].extent(*it) == Extent(1)) continue;
    if (contains(r.rows, *it)) {
      std::swap(r.rows, r.columns);
      std::swap(r.a, r.b);
    }
    break;
  }
  return r;
}

DType sums_in(const GraphData& g, const Roles& roles) {
  return computing(g.type(roles.a).dtype) == DType::f32 ? DType::f32 : computing(g.node(roles.node).types[0].dtype);
}

void spread_flat(Inline& x, IndexEnv& env, const AxisNames& axes, const Type& type, Index flat) {
  for (std::size_t i = axes.size(); i-- > 1;) {
    const Ex extent = x.extent(type.extent(axes[i]));
    env.axes[axes[i]] = flat % extent;
    flat = flat / extent;
  }
  if (!axes.empty()) env.axes[axes[0]] = flat;
}

namespace {

// Down from `d.stored` through what leaves every element where it is; `computed`: through arithmetic too.
std::optional<StoredOperand> walk_down(const Inline& x, StoredOperand d, bool computed) {
  const GraphData& g = x.graph();
  const int rank = g.type(d.stored).rank();
  while (x.computes(d.stored.node)) {
    const Node& n = g.node(d.stored.node);
    if (n.op == Op::rename) {
      for (auto& [mine, theirs] : d.names)
        if (theirs == n.as<RenameAttrs>().to) theirs = n.as<RenameAttrs>().from;
    } else if (computed && is_elementwise(n.op)) {
      for (Value v : n.operands) {
        if (g.type(v).rank() != rank) continue;
        StoredOperand next = d;
        next.stored = v;
        if (auto found = walk_down(x, std::move(next), computed)) return found;
      }
      return std::nullopt;
    } else if (n.op != Op::order && n.op != Op::tag && n.op != Op::stop_gradient) {
      return std::nullopt;
    }
    d.stored = n.operands[0];
  }
  const Op leaf = g.node(d.stored.node).op;
  if (leaf == Op::constant || leaf == Op::iota || leaf == Op::random_bits) return std::nullopt;
  return d;
}

StoredOperand itself(const Inline& x, Value operand) {
  StoredOperand d{operand, {}};
  for (const Dim& i : x.graph().type(operand).dims) d.names[i.axis] = i.axis;
  return d;
}

}  // namespace

std::optional<StoredOperand> stored_operand(const Inline& x, Value operand) { return walk_down(x, itself(x, operand), false); }
std::optional<StoredOperand> leading_operand(const Inline& x, Value operand) { return walk_down(x, itself(x, operand), true); }

std::optional<StoredOperand> operand_in_line(const Inline& x, Value operand, const AxisNames& over, DType dtype) {
  const GraphData& g = x.graph();
  const auto d = stored_operand(x, operand);
  if (!d || g.type(d->stored).dtype != dtype) return std::nullopt;
  AxisNames order = stored_axes(g, x.layouts(), d->stored);
  for (std::size_t i = over.size(); i-- > 0;) {
    if (g.type(operand).extent(over[i]) == Extent(1)) continue;
    if (order.empty() || order.back() != d->names.at(over[i])) return std::nullopt;
    order.pop_back();
  }
  return d;
}

Ex element_of(Inline& x, const StoredOperand& operand, const IndexEnv& env) {
  IndexEnv stored;
  for (const auto& [mine, theirs] : operand.names) stored.axes[theirs] = env.at(mine);
  return x.builder().let(lanes_of(x.address(operand.stored, stored)));
}
Ex first_term_of(Inline& x, const StoredOperand& operand, const AxisNames& over, const IndexEnv& env) {
  IndexEnv at = env;
  for (const std::string& axis : over) at.axes[axis] = Index::scalar(x.builder().integer(0), 0);
  return element_of(x, operand, at);
}

void fetch(Inline& x, const StoredOperand& operand, const IndexEnv& env, std::int64_t length) {
  const BufferId buffer = x.buffer(operand.stored, false);
  const Ex first = element_of(x, operand, env);
  const auto line = static_cast<std::int64_t>(64 / size_of(x.graph().type(operand.stored).dtype));
  constexpr std::int64_t kLinesInARow = 8;  // of more, a loop is less code and as fast
  if (length > kLinesInARow * line) {
    x.loop(x.builder().integer(0), x.builder().integer(length), line, [&](Ex i) { x.builder().prefetch(buffer, first + i); });
  } else {
    for (std::int64_t i = 0; i < length; i += line) x.builder().prefetch(buffer, first + i);
  }
}

namespace {

// What keeps neighbouring axes of a contraction apart.
class Neighbours {
 public:
  explicit Neighbours(const Inline& x, const Roles& roles) : x_(x), g_(x.graph()) {
    Cluster after;
    after.nodes = x.cluster().nodes;
    for (Value v : {roles.a, roles.b}) {
      const std::set<NodeId> before = upstream(v);
      std::erase_if(after.nodes, [&](NodeId id) { return before.contains(id); });
      if (const auto d = stored_operand(x, v)) {
        orders_.push_back(stored_axes(g_, x.layouts(), d->stored));
        for (std::string& axis : orders_.back()) {
          const auto name = std::find_if(d->names.begin(), d->names.end(), [&](const auto& names) { return names.second == axis; });
          if (name != d->names.end()) axis = name->first;
        }
        continue;
      }
      Cluster own;
      own.nodes.assign(before.begin(), before.end());
      touch(own);
      read_by(own);
    }
    std::erase(after.nodes, roles.node);
    touch(after);
    read_by(after);
    for (Value v : x.cluster().outputs) lies(v);
  }

  std::vector<LoopAxis> join(const Type& space, const AxisNames& order) const {
    return join_neighbours(space, order, touched_, orders_);
  }

 private:
  std::set<NodeId> upstream(Value v) const {
    std::set<NodeId> seen;
    std::vector<NodeId> todo{v.node};
    while (!todo.empty()) {
      const NodeId id = todo.back();
      todo.pop_back();
      if (!x_.computes(id) || !seen.insert(id).second) continue;
      for (Value o : g_.node(id).operands) todo.push_back(o.node);
    }
    return seen;
  }
  void touch(const Cluster& c) { touched_.merge(touched_axes(g_, c)); }
  void read_by(const Cluster& c) {
    for (NodeId id : c.nodes)
      for (Value o : g_.node(id).operands)
        if (!x_.computes(o.node)) lies(o);
  }
  void lies(Value v) { orders_.push_back(stored_axes(g_, x_.layouts(), v)); }

  const Inline& x_;
  const GraphData& g_;
  std::set<std::string> touched_;
  std::vector<AxisNames> orders_;
};

}  // namespace

RoleAxes collapse_roles(const Inline& x, const Roles& roles) {
  const Neighbours n(x, roles);
  const Type &t = x.graph().node(roles.node).types[0], &a = x.graph().type(roles.a), &b = x.graph().type(roles.b);
  return {n.join(t, roles.batch), n.join(a, roles.rows), n.join(b, roles.columns), n.join(a, roles.over)};
}

// In halves, then in halves of these.
void turn_over(KernelBuilder& b, std::vector<Ex>& square) {
  for (std::size_t d = square.size() / 2; d > 0; d /= 2)
    for (std::size_t i = 0; i < square.size(); ++i) {
      if (i & d) continue;
      const Ex low = square[i], high = square[i + d];
      square[i] = b.let(b.interleave(low, high, static_cast<int>(d), false));
      square[i + d] = b.let(b.interleave(low, high, static_cast<int>(d), true));
    }
}

void turn_over(KernelBuilder& b, std::int64_t size, const std::function<Ex(std::int64_t)>& row, const std::function<void(std::int64_t, Ex)>& column) {
  std::vector<Ex> square;
  for (std::int64_t i = 0; i < size; ++i) square.push_back(b.let(row(i)));
  turn_over(b, square);
  for (std::int64_t i = 0; i < size; ++i) column(i, square[static_cast<std::size_t>(i)]);
}

bool multiplied_in_pairs(const GraphData& graph, const Roles& roles, DType sums, const HostTarget& target) {
  const bool narrow = graph.type(roles.a).dtype == DType::bf16 && graph.type(roles.b).dtype == DType::bf16;
  return (target.bf16_dot || target.amx) && sums == DType::f32 && narrow;
}

Ex pair_with_zero(KernelBuilder& b, Ex x) {
  return b.bits(ExprKind::shift_right, b.bitcast(b.cast(x, DType::f32), DType::i32), b.integer(16, DType::i32));
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
      check_internal(is_elementwise(n.op) || n.op == Op::scatter_add || n.op == Op::order || n.op == Op::tag || n.op == Op::stop_gradient,
                     "an epilogue with an op that moves elements");
    }
    envs[{id, 0}] = env;
  }
  // What does not depend on the dot, beside it: over the same axes.
  for (Value v : x.cluster().outputs) envs.try_emplace(v, at);
  return envs;
}

std::map<Value, IndexEnv> finish_dot(Inline& x, NodeId dot, const IndexEnv& at, Ex sum) {
  const Ex rounded = x.rounded(sum, x.graph().node(dot).types[0].dtype);
  x.define({dot, 0}, [rounded](const IndexEnv&) { return rounded; });
  const auto envs = epilogue_envs(x, dot, at);
  const std::vector<Value>& outputs = x.cluster().outputs;
  // Every result before any store, which may be in place of what another is computed from.
  std::vector<Ex> values;
  for (Value v : outputs) {
    const Ex e = x.value(v, envs.at(v));
    values.push_back(outputs.size() > 1 ? x.builder().let(e) : e);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) x.store(outputs[i], envs.at(outputs[i]), values[i]);
  return envs;
}

namespace {

void add_streams(const Inline& x, Value v, const IndexEnv& env, std::vector<Placed>& out) {
  const GraphData& g = x.graph();
  const Node& n = g.node(v.node);
  if (x.computes(v.node)) {
    if (!is_elementwise(n.op)) return;
    for (Value o : n.operands)
      if (g.type(o).rank() == g.type(v).rank()) add_streams(x, o, env, out);
    return;
  }
  if (n.op == Op::constant || n.op == Op::iota || n.op == Op::random_bits) return;
  if (std::none_of(out.begin(), out.end(), [&](const Placed& p) { return p.stored == v; })) out.push_back({v, env});
}

}  // namespace

std::vector<Placed> epilogue_streams(const Inline& x, NodeId dot, const std::map<Value, IndexEnv>& envs) {
  const GraphData& g = x.graph();
  std::vector<Placed> out;
  for (const auto& [v, env] : envs) {
    if (v.node == dot) continue;
    for (Value o : g.node(v.node).operands)
      if (!envs.contains(o) && g.type(o).rank() == g.type(v).rank()) add_streams(x, o, env, out);
  }
  for (Value v : x.cluster().outputs) out.push_back({v, envs.at(v)});
  return out;
}

}  // namespace uwaga::schedule
