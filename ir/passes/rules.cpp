#include <uwaga/ir/fields.h>
#include <uwaga/ir/passes/rules.h>
#include <uwaga/ir/rewrite.h>

#include <unordered_map>

namespace uwaga {
namespace {

using Known = std::unordered_map<const GraphData*, Graph>;
using ByOp = std::array<std::vector<const Rule*>, kOps>;

class Applier {
 public:
  Applier(const Graph& from, const ByOp& rules, Known& known) : rewriter_(from), rules_(rules), known_(known) {}

  Graph run(const Graph& from) {
    rewriter_.walk([&](Rewriter& r, NodeId id) { return visit(r, id); });
    return changed_ ? rewriter_.finish() : from;
  }

  static Graph apply(const Graph& graph, const ByOp& rules, Known& known) {
    if (const auto it = known.find(&graph.data()); it != known.end()) return it->second;
    Graph out = Applier(graph, rules, known).run(graph);
    known[&graph.data()] = out;
    return out;
  }

 private:
  bool visit(Rewriter& r, NodeId id) {
    const Node& n = r.from().node(id);
    std::vector<Value> operands;
    operands.reserve(n.operands.size());
    for (Value v : n.operands) operands.push_back(r.now(v));
    Attributes attributes = n.attributes;
    if (has_graphs(n.op) && n.op != Op::parameter)
      for_each_graph(attributes, [&](Graph& b) {
        if (!b) return;
        const Graph now = apply(b, rules_, known_);
        changed_ = changed_ || &now.data() != &b.data();
        b = now;
      });
    if (n.types.size() == 1) {
      if (const auto v = replaced(n.op, attributes, operands, n.provenance)) {
        r.map({id, 0}, *v);
        return true;
      }
    }
    r.copy(id, std::move(attributes), std::move(operands));
    return true;
  }

  std::optional<Value> replaced(Op op, const Attributes& attributes, const std::vector<Value>& operands,
                                ProvenanceId provenance) {
    const Site site(rewriter_.to(), attributes, operands, provenance, write_);
    for (const Rule* rule : rules_[static_cast<std::size_t>(op)])
      if (const auto v = rule->apply(site)) {
        changed_ = true;
        return v;
      }
    return std::nullopt;
  }

  Rewriter rewriter_;
  const ByOp& rules_;
  Known& known_;
  bool changed_ = false;
  const std::function<Value(Op, Attributes, std::vector<Value>, ProvenanceId)> write_ =
      [this](Op op, Attributes attributes, std::vector<Value> operands, ProvenanceId provenance) -> Value {
    if (const auto v = replaced(op, attributes, operands, provenance)) return *v;
    return {rewriter_.to().add(op, std::move(attributes), std::move(operands), provenance), 0};
  };
};

}  // namespace

Value Site::emit(Op op, Attributes attributes, std::vector<Value> operands,
                 std::initializer_list<Value> absorbed) const {
  ProvenanceId provenance = provenance_;
  for (Value v : absorbed) provenance = graph_.provenance().unite(provenance, def(v).provenance);
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
