#include <uwaga/ir/map_bodies.h>
#include <uwaga/ir/passes/rules.h>
#include <uwaga/ir/rewrite.h>

#include <unordered_map>

namespace uwaga {
namespace {

struct Known {
  std::unordered_map<const GraphData*, Graph> graphs;
  MapBodies map_bodies;
};
using ByOp = std::array<std::vector<const Rule*>, kOps>;

// Reads the graph as it is for as long as no rule applies; the first that does has what was read so far copied, each node
// under the id it had.
class Applier {
 public:
  Applier(const Graph& from, const ByOp& rules, Known& known)
      : from_(from), graph_(&from.data()), rules_(rules), known_(known) {}

  Graph run() {
    const auto n = static_cast<NodeId>(from_->nodes().size());
    for (current_ = 0; current_ < n; ++current_) {
      if (rewriter_) rewriter_->begin(current_);
      visit(from_->node(current_));
    }
    return rewriter_ ? rewriter_->finish() : from_;
  }

  static Graph apply(const Graph& graph, const ByOp& rules, Known& known) {
    if (const auto it = known.graphs.find(&graph.data()); it != known.graphs.end()) return it->second;
    Graph out = Applier(graph, rules, known).run();
    known.graphs[&graph.data()] = out;
    return out;
  }

 private:
  void visit(const Node& n) {
    const bool holds_graphs = has_graphs(n.op) && n.op != Op::parameter;
    if (!rewriter_ && !holds_graphs) {
      if (n.types.size() != 1 || rules_[static_cast<std::size_t>(n.op)].empty()) return;
      if (const auto v = replaced(n.op, n.attributes, n.operands, n.provenance)) write().map({current_, 0}, *v);
      else if (rewriter_) rewriter_->copy(current_);
      return;
    }
    SharedAttributes attributes = n.attributes;
    if (holds_graphs) {
      attributes = known_.map_bodies(attributes, [&](const Graph& b) { return apply(b, rules_, known_); });
      if (!attributes.shares(n.attributes)) write();
    }
    ValueList operands = n.operands;
    if (rewriter_)
      for (Value& v : operands) v = rewriter_->now(v);
    if (n.types.size() == 1)
      if (const auto v = replaced(n.op, attributes, operands, n.provenance)) {
        write().map({current_, 0}, *v);
        return;
      }
    if (rewriter_) rewriter_->copy(current_, std::move(attributes), std::move(operands));
  }

  std::optional<Value> replaced(Op op, const SharedAttributes& attributes, const ValueList& operands, ProvenanceId provenance) {
    const Site site(graph_, attributes, operands, provenance, write_);
    for (const Rule* rule : rules_[static_cast<std::size_t>(op)])
      if (const auto v = rule->apply(site)) return v;
    return std::nullopt;
  }

  Rewriter& write() {
    if (!rewriter_) {
      rewriter_.emplace(from_);
      for (NodeId id = 0; id < current_; ++id) rewriter_->copy(id);
      rewriter_->begin(current_);
      graph_ = &rewriter_->to();
    }
    return *rewriter_;
  }

  Graph from_;
  const GraphData* graph_;  // what rules read
  std::optional<Rewriter> rewriter_;
  NodeId current_ = 0;
  const ByOp& rules_;
  Known& known_;
  const Site::Write write_ = [this](Op op, SharedAttributes attributes, ValueList operands, ProvenanceId provenance) -> Value {
    write();
    if (const auto v = replaced(op, attributes, operands, provenance)) return *v;
    return {write().to().add(op, std::move(attributes), std::move(operands), provenance), 0};
  };
};

}  // namespace

Value Site::emit(Op op, SharedAttributes attributes, ValueList operands, std::initializer_list<Value> absorbed) const {
  ProvenanceId provenance = provenance_;
  for (Value v : absorbed) provenance = graph_->provenance().unite(provenance, def(v).provenance);
  return write_(op, std::move(attributes), std::move(operands), provenance);
}

Value Site::full(const Literal& value, const Type& type) const {
  const Value one = emit(Op::constant, ConstantAttrs{Type{type.dtype, {}}, {value}}, {});
  return type.rank() == 0 ? one : emit(Op::broadcast, BroadcastAttrs{type.dims}, {one});
}

Value Site::ordered(Value v, const Type& like) const {
  if (type(v).axes() == like.axes()) return v;
  return emit(Op::order, OrderAttrs{like.axes()}, {v});
}

std::optional<Literal> Site::number(Value v) const {
  const Node* n = &def(v);
  while (n->op == Op::broadcast || n->op == Op::order || n->op == Op::rename) n = &def(n->operands[0]);
  if (n->op != Op::constant || n->as<ConstantAttrs>().values.size() != 1) return std::nullopt;
  return n->as<ConstantAttrs>().values[0];
}

Graph apply_rules(const Graph& graph, std::span<const Rule> rules) {
  ByOp by_op;
  for (const Rule& r : rules) by_op[static_cast<std::size_t>(r.op)].push_back(&r);
  Known known;
  return Applier::apply(graph, by_op, known);
}

}  // namespace uwaga
