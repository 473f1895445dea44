#include <uwaga/codegen/schedule/attention_sums.h>

#include <algorithm>
#include <map>
#include <optional>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga::schedule {
namespace {

class Joiner {
 public:
  Joiner(const std::string& query, const std::string& key) : query_(query), key_(key) {}

  bool visit(Rewriter& r, NodeId id) {
    const Node& n = r.from().node(id);
    if (n.op == Op::sum) return visit_sum(r, id, n);
    if (n.types.size() != 1 || n.types[0].dtype != DType::f32) return false;
    if (n.op == Op::scatter_add) return visit_scatter(r, id, n);
    const auto wide = widened(r, n);
    if (!wide) return false;
    wide_[{id, 0}] = *wide;
    if (!is_given_out(r.from(), id)) return false;  // the narrow form stays, for other users
    map_to_sum(r, id, n, *wide);
    return true;
  }

 private:
  // An old value is the sum of this new one over the axes that it lacks.
  using Wide = Value;

  const Type& type(Rewriter& r, Value now) { return r.to().type(now); }
  static bool lacks(const Type& t, const Type& wide) {
    return std::any_of(wide.dims.begin(), wide.dims.end(), [&](const Dim& d) { return !t.has(d.axis); });
  }
  bool is_space(const Type& t) const { return t.has(query_) && t.has(key_); }

  bool visit_sum(Rewriter& r, NodeId id, const Node& n) {
    const Value from = n.operands[0];
    if (n.types[0].dtype != DType::f32) return false;
    const auto before = wide_.find(from);
    if (before == wide_.end() && !is_space(r.from().type(from))) return false;
    const Value wide = before == wide_.end() ? r.now(from) : before->second;
    wide_[{id, 0}] = wide;
    if (before == wide_.end() || is_space(n.types[0]) || n.types[0].has(query_) || n.types[0].has(key_)) return false;
    map_to_sum(r, id, n, wide);  // nothing of the tile is left: this is the last sum
    return true;
  }

  void map_to_sum(Rewriter& r, NodeId id, const Node& n, Value wide) {
    AxisNames over, kept;
    for (const Dim& d : type(r, wide).dims)
      if (!n.types[0].has(d.axis)) over.push_back(d.axis);
      else kept.push_back(d.axis);
    Value sum = r.add(Op::sum, ReduceAttrs{over}, {wide});
    if (kept != n.types[0].axes()) sum = r.add(Op::order, OrderAttrs{n.types[0].axes()}, {sum});
    r.map({id, 0}, sum);
  }

  // Updates that are sums: their terms, each where the sum would go.
  bool visit_scatter(Rewriter& r, NodeId id, const Node& n) {
    const auto updates = wide_.find(n.operands[2]);
    if (updates == wide_.end()) return false;
    std::vector<Dim> summed;
    for (const Dim& d : type(r, updates->second).dims)
      if (!r.from().type(n.operands[2]).has(d.axis)) summed.push_back(d);
    // A table may call its places what scores call something else.
    for (const Dim& d : summed)
      if (d.axis == n.as<AxisAttrs>().axis) return false;
    const Value places = r.now(n.operands[1]);
    std::vector<Dim> dims = type(r, places).dims;
    dims.insert(dims.end(), summed.begin(), summed.end());
    r.map({id, 0}, r.add(Op::scatter_add, n.attributes, {r.now(n.operands[0]), r.add(Op::broadcast, BroadcastAttrs{dims}, {places}), updates->second}));
    return true;
  }
  static bool is_given_out(const GraphData& g, NodeId id) {
    return std::any_of(g.outputs().begin(), g.outputs().end(), [&](const Output& o) { return o.value.node == id; });
  }

  // What is linear in one operand, of which a wide form is known: the same on the wide form.
  std::optional<Wide> widened(Rewriter& r, const Node& n) {
    std::size_t linear = n.operands.size();
    for (std::size_t i = 0; i < n.operands.size(); ++i) {
      if (!wide_.contains(n.operands[i])) continue;
      if (linear < n.operands.size()) return std::nullopt;
      linear = i;
    }
    if (linear == n.operands.size()) return std::nullopt;
    const Value wide = wide_.at(n.operands[linear]);
    const Type to = type(r, wide);
    if (!lacks(n.types[0], to)) return std::nullopt;
    switch (n.op) {
      case Op::order: return wide;
      case Op::neg: return r.add(Op::neg, NoAttrs{}, {wide});
      case Op::mul: break;
      case Op::div:
        if (linear != 0) return std::nullopt;
        break;
      default: return std::nullopt;
    }
    ValueList operands;
    for (std::size_t i = 0; i < n.operands.size(); ++i)
      operands.push_back(i == linear ? wide : r.add(Op::broadcast, BroadcastAttrs{to.dims}, {r.now(n.operands[i])}));
    return r.add(n.op, NoAttrs{}, std::move(operands));
  }

  const std::string &query_, &key_;
  std::map<Value, Wide> wide_;
};

}  // namespace

Graph join_sums(const Graph& body, const std::string& query, const std::string& key) {
  Joiner joiner(query, key);
  return rewrite(body, [&](Rewriter& r, NodeId id) { return joiner.visit(r, id); });
}

}  // namespace uwaga::schedule
