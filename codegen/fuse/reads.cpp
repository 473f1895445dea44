#include <uwaga/codegen/fuse/reads.h>

#include <algorithm>

#include <uwaga/codegen/custom_kernel.h>
#include <uwaga/codegen/fuse/written.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/attributes.h>

namespace uwaga {
namespace {

using kernel::cost_of;
using kernel::is_inlined;
using kernel::Lowering;

// A map of indices with one operand.
bool is_map(Op op) {
  switch (op) {
    case Op::split: case Op::merge: case Op::broadcast: case Op::rename: case Op::slice: case Op::reverse: case Op::order:
    case Op::stop_gradient: case Op::tag:
      return true;
    default: return false;
  }
}

// Computed again wherever it is used, whatever it costs.
bool is_generated(const GraphData& graph, const Node& n) {
  return n.op == Op::iota || n.op == Op::random_bits || (n.op == Op::constant && is_inlined(graph, n));
}

// A cast to fewer bytes of what a cluster computes: stored narrow, it is less to write and to read, whoever else wants the
// wide value. Of a leaf, which is stored wide anyway, it is computed where it is used.
bool stores_less(const GraphData& graph, const Node& n) {
  if (n.op != Op::cast || !is_float(n.types[0].dtype)) return false;
  Value from = n.operands[0];
  if (size_of(graph.type(from).dtype) <= size_of(n.types[0].dtype)) return false;
  while (is_map(graph.node(from.node).op)) from = graph.node(from.node).operands[0];
  const Op op = graph.node(from.node).op;
  return op != Op::input && op != Op::parameter && op != Op::constant;
}

Access access_of(const Node& node, std::size_t operand) {
  switch (node.op) {
    case Op::broadcast: return Access::broadcast;
    case Op::split: case Op::merge: case Op::rename: case Op::reverse: case Op::slice: case Op::dynamic_slice: case Op::pad:
    case Op::concat:
      return Access::mapped;
    case Op::gather: return operand == 0 ? Access::scattered : Access::broadcast;
    case Op::scatter_add: return operand == 0 ? Access::same : Access::broadcast;
    case Op::sum: case Op::reduce_max: return Access::scattered;  // written out
    default: return Access::same;
  }
}

// Of an elementwise call: all over the axes of its results, or scalars.
Access access_of_call(const GraphData& graph, const Node& call, std::size_t operand) {
  return graph.type(call.operands[operand]).rank() < call.types[0].rank() ? Access::broadcast : Access::same;
}

Access compose(Access outer, Access inner) {
  if (outer == Access::same) return inner;
  if (inner == Access::same) return outer;
  return outer == inner && outer != Access::scattered ? outer : Access::scattered;
}

void add_read(ReadList& reads, Read r) {
  for (Read& known : reads)
    if (known.value == r.value) {
      known.access = known.access == r.access && r.access <= Access::broadcast ? r.access : Access::scattered;
      return;
    }
  reads.push_back(r);
}

}  // namespace

Reads::Reads(const GraphData& graph)
    : graph_(graph), live_(graph.nodes().size()), virtual_(graph.nodes().size()), forced_(graph.nodes().size()),
      cost_(graph.nodes().size()), reads_(graph.nodes().size()) {
  mark_live();
  mark_virtual();
  for (NodeId id = 0; id < graph.nodes().size(); ++id)
    if (live_[id]) reads_[id] = gather_reads(graph.node(id));
}

void Reads::mark_live() {
  for (const Output& o : graph_.outputs()) live_[o.value.node] = true;
  for (const Update& u : graph_.updates()) live_[written_by(graph_, u).value.node] = true;
  for (NodeId id = static_cast<NodeId>(graph_.nodes().size()); id-- > 0;)
    if (live_[id])
      for (const Value& v : graph_.node(id).operands) live_[v.node] = true;
}

void Reads::materialise(Value v) {
  while (virtual_[v.node] && is_map(graph_.node(v.node).op)) v = graph_.node(v.node).operands[0];
  if (virtual_[v.node]) forced_[v.node] = true;
}

// What may fail does so once: what comes after it, however often it is read, then is like what comes after anything else.
void Reads::force_gathers() {
  constexpr NodeId kNone = ~NodeId{0};
  std::vector<NodeId> reader(graph_.nodes().size(), kNone);
  for (NodeId id = 0; id < graph_.nodes().size(); ++id)
    if (live_[id])
      for (const Value& v : graph_.node(id).operands) {
        const Node& n = graph_.node(v.node);
        if (n.op == Op::gather && reader[v.node] != kNone && reader[v.node] != id && kernel::may_fail(graph_, n)) forced_[v.node] = true;
        reader[v.node] = id;
      }
}

// In two rounds: what is cheap by itself, then what its users need in memory after all.
void Reads::mark_virtual() {
  force_gathers();
  const auto decide = [&] {
    std::vector<SmallList<Value, 4>> bases(graph_.nodes().size());
    for (NodeId id = 0; id < graph_.nodes().size(); ++id) {
      const Node& n = graph_.node(id);
      virtual_[id] = false;
      cost_[id] = 0;
      if (!live_[id] || !is_inlined(graph_, n)) continue;
      int cost = cost_of(graph_, n);
      const int repeats = n.op == Op::sum || n.op == Op::reduce_max ? std::max(cost, 1) : 1;
      for (const Value& v : n.operands) {
        if (virtual_[v.node]) {
          cost += repeats * cost_[v.node];
          for (const Value& b : bases[v.node])
            if (std::find(bases[id].begin(), bases[id].end(), b) == bases[id].end()) bases[id].push_back(b);
        } else if (std::find(bases[id].begin(), bases[id].end(), v) == bases[id].end()) {
          bases[id].push_back(v);
        }
      }
      const auto big = [&](const Value& b) { return graph_.type(b).rank() > 0 && graph_.type(b).rank() >= n.types[0].rank(); };
      cost_[id] = cost;
      // A call's results are stored, all of them together.
      virtual_[id] = !forced_[id] && n.op != Op::call && !stores_less(graph_, n) &&
                     (is_generated(graph_, n) || (cost == 0 && n.operands.size() == 1) ||
                      (cost <= kCheapChain && bases[id].size() <= 4 && std::count_if(bases[id].begin(), bases[id].end(), big) <= 1));
      if (is_generated(graph_, n)) cost_[id] = 0;
    }
  };
  decide();
  // In the first round it need not be virtual, and become it in the second: what others have stored makes it cheap.
  for (const Output& o : graph_.outputs()) forced_[o.value.node] = true;
  for (const Update& u : graph_.updates()) forced_[written_by(graph_, u).value.node] = true;
  for (NodeId id = 0; id < graph_.nodes().size(); ++id) {
    const Node& n = graph_.node(id);
    if (!live_[id]) continue;
    for (const Value& v : n.operands) {
      if (n.op == Op::scan || n.op == Op::cond || (n.op == Op::call && has_own_kernel(n.as<CallAttrs>()))) forced_[v.node] = true;
      else if ((n.op == Op::dot || (n.op == Op::call && !is_inlined(graph_, n))) && cost_[v.node] > kCheapPrologue) materialise(v);
    }
  }
  decide();
}

ReadList Reads::gather_reads(const Node& node) const {
  ReadList out;
  const bool inlined = is_inlined(graph_, node);
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    const Value v = node.operands[i];
    const Access access = !inlined ? Access::same : node.op == Op::call ? access_of_call(graph_, node, i) : access_of(node, i);
    if (!virtual_[v.node]) {
      add_read(out, {v, access});
      continue;
    }
    for (const Read& r : reads_[v.node]) add_read(out, {r.value, compose(access, r.access)});
  }
  return out;
}

}  // namespace uwaga
