#include <uwaga/codegen/schedule/attention_form.h>

#include <algorithm>
#include <cmath>

#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga::schedule {
namespace {

bool contains(const AxisNames& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

class FormFinder {
 public:
  FormFinder(const Graph& graph, const std::string& query, const std::string& key, std::string& reason)
      : g_(graph.data()), live_(live_nodes(graph)), reason_(reason) {
    f_.query = query;
    f_.key = key;
  }

  std::optional<AttentionForm> run() {
    for (NodeId id = 0; id < g_.nodes().size(); ++id)
      if (live_[id] && !visit(id)) return std::nullopt;
    if (f_.dots.empty()) return no("it has no dot over query and key");
    if (!check_ends()) return std::nullopt;
    find_mask();
    return std::move(f_);
  }

 private:
  std::nullopt_t no(std::string why) {
    reason_ = std::move(why);
    return std::nullopt;
  }
  bool refuse(std::string why) {
    reason_ = std::move(why);
    return false;
  }
  bool depends(Value v) const { return f_.dependent.contains(v.node); }
  bool is_space(const Type& t) const {
    return t.rank() == f_.space.rank() &&
           std::all_of(t.dims.begin(), t.dims.end(), [&](const Dim& d) { return f_.space.has(d.axis); });
  }

  bool visit(NodeId id) {
    const Node& n = g_.node(id);
    const std::string op(name(n.op));
    if (n.op == Op::input) return true;
    if (ended_.size() > 0)
      for (Value v : n.operands)
        if (ended_.contains(v.node)) return (n.op == Op::order && give_out_as(v.node, id)) || refuse(ended_name(v) + " goes on into " + op);
    if (n.op == Op::dot) return visit_dot(id, n);
    const bool dependent = std::any_of(n.operands.begin(), n.operands.end(), [&](Value v) { return depends(v); });
    if (!dependent) return kernel::is_inlined(g_, n) || refuse(op + " has no form that is computed element by element");
    f_.dependent.insert(id);
    if (n.op == Op::sum || n.op == Op::reduce_max) return visit_reduction(id, n);
    if (n.op == Op::scatter_add) return visit_table(id, n);
    if (!kernel::keeps_indices(n)) return refuse(op + " of scores is not elementwise over query x key");
    const Type& t = n.types[0];
    if (f_.is_tile(t) ? !is_space(t) : !f_.is_row(t)) return refuse(op + " gives " + t.str() + ", not the axes of the scores");
    return true;
  }

  bool visit_reduction(NodeId id, const Node& n) {
    const AxisNames& over = n.as<ReduceAttrs>().over;
    const Value from = n.operands[0];
    if (!f_.is_tile(g_.type(from)) || g_.type(from).dtype != DType::f32) return refuse("a reduction of what is no tile of f32");
    if (over == AxisNames{f_.key}) {
      f_.reductions.push_back(id);
      return true;
    }
    if (n.op != Op::sum) return refuse(std::string(name(n.op)) + " over {" + join(over) + "} of scores, where kernels do so over the keys");
    f_.sums.push_back({id, from, n.types[0].has(f_.query), n.types[0].has(f_.key), std::nullopt, {}});
    ended_.insert(id);
    return true;
  }

  // The gradient of a table that scores look up.
  bool visit_table(NodeId id, const Node& n) {
    const Value base = n.operands[0], places = n.operands[1], tile = n.operands[2];
    if (depends(base) || depends(places) || !is_space(g_.type(tile)) || n.types[0].dtype != DType::f32 || constant_of(base) != 0.0)
      return refuse("scatter_add of what is no tile of scores, to zeros");
    if (n.types[0].has(f_.query) || n.types[0].has(f_.key)) return refuse("a table looked up by scores has an axis for queries or keys");
    const std::string& axis = n.as<AxisAttrs>().axis;
    if (const auto size = n.types[0].extent(axis).constant(); !size || *size > kMostPlaces)
      return refuse("the table that scores look up has more than " + std::to_string(kMostPlaces) + " places, or nobody knows how many");
    f_.sums.push_back({id, tile, false, false, places, axis});
    ended_.insert(id);
    return true;
  }
  // A sum whose axes are written in another order is stored as such.
  bool give_out_as(NodeId sum, NodeId now) {
    const auto at = std::find_if(f_.sums.begin(), f_.sums.end(), [&](const TileSum& s) { return s.node == sum; });
    if (at == f_.sums.end()) return false;
    at->node = now;
    ended_.insert(now);
    return true;
  }
  std::string ended_name(Value v) const {
    const Node& n = g_.node(v.node);
    if (n.op != Op::sum) return "its result";
    return "the sum over {" + join(n.as<ReduceAttrs>().over) + "} of scores";
  }

  bool visit_dot(NodeId id, const Node& n) {
    Value a = n.operands[0], b = n.operands[1];
    const AxisNames& over = n.as<DotAttrs>().over;
    const bool scores = !depends(a) && !depends(b);
    const DType of = g_.type(a).dtype;
    const bool narrow = (of == DType::bf16 || of == DType::f16) && n.types[0].dtype == DType::f32;
    for (const Type& t : {g_.type(a), g_.type(b), n.types[0]})
      if (!narrow && t.dtype != DType::f32) return refuse("it computes in " + std::string(name(t.dtype)) + "; kernels are for f32");
    if (narrow) {
      if (!depends(a)) a = wide(a);
      if (!depends(b)) b = wide(b);
    }
    if (scores) {
      if (g_.type(b).has(f_.query)) std::swap(a, b);
      const Type &q = g_.type(a), &k = g_.type(b);
      if (!q.has(f_.query) || q.has(f_.key) || !k.has(f_.key) || k.has(f_.query)) return refuse("a dot that is not of queries and keys");
      if (over.size() != 1 || !few_features(q, over[0])) return refuse("scores are summed over more than one axis or " + std::to_string(kMostFeatures) + " terms");
      if (f_.dots.empty()) {
        f_.space = n.types[0];
        for (const Dim& d : f_.space.dims)
          if (d.axis != f_.query && d.axis != f_.key) f_.batch.push_back(d.axis);
      } else if (!is_space(n.types[0])) {
        return refuse("dots of queries and keys have different axes");
      }
      f_.dots.push_back({id, a, b, over[0], of == DType::bf16});
      f_.dependent.insert(id);
      return true;
    }
    if (depends(a) && depends(b)) return refuse("a dot of two values that depend on scores");
    if (depends(b)) std::swap(a, b);
    const Type& other = g_.type(b);
    if (!is_space(g_.type(a))) return refuse("a dot of what is no tile");
    TileProduct p{id, a, b, contains(over, f_.key), {}, of == DType::bf16};
    for (const Dim& d : other.dims) {
      if (f_.space.has(d.axis)) continue;
      if (!p.feature.empty()) return refuse("keys or values have two axes of their own");
      p.feature = d.axis;
    }
    if (p.feature.empty() || !few_features(other, p.feature)) return refuse("values have no axis of their own of fixed size up to " + std::to_string(kMostFeatures));
    if (p.over_keys ? over != AxisNames{f_.key} : !contains(over, f_.query)) return refuse("scores are contracted over " + join(over));
    if (other.has(p.over_keys ? f_.query : f_.key)) return refuse("a dot of scores with what has both query and key");
    f_.products.push_back(p);
    ended_.insert(id);
    return true;
  }

  // The same numbers in f32, where there are such: of a value that was of this dtype before.
  Value wide(Value v) const {
    const Node& n = g_.node(v.node);
    if (n.op != Op::cast || g_.type(n.operands[0]).dtype != DType::f32) return v;
    const Node& from = g_.node(n.operands[0].node);
    return from.op == Op::cast && g_.type(from.operands[0]).dtype == n.types[0].dtype ? n.operands[0] : v;
  }

  static bool few_features(const Type& t, const std::string& axis) {
    const auto c = t.extent(axis).constant();
    return c && *c >= 1 && *c <= kMostFeatures;
  }

  bool check_ends() {
    std::set<Value> seen;
    for (const Output& o : g_.outputs()) {
      if (!ended_.contains(o.value.node) && !give_out_reduction(o.value.node)) return refuse("it gives out more than dots and sums of scores");
      if (!seen.insert(o.value).second) return refuse("two of its results are one value");
    }
    if (!f_.accumulates() || f_.batch.empty()) return true;
    return std::any_of(f_.batch.begin(), f_.batch.end(), [&](const std::string& axis) { return divides_tasks(g_, f_, axis); }) ||
           refuse("gradients are summed over every axis that tasks divide");
  }

  bool give_out_reduction(NodeId id) {
    const auto at = std::find(f_.reductions.begin(), f_.reductions.end(), id);
    if (at == f_.reductions.end() || g_.node(id).op != Op::sum) return false;
    f_.sums.push_back({id, g_.node(id).operands[0], true, false, std::nullopt, {}});
    bool read = false;
    for (NodeId user = id + 1; user < g_.nodes().size(); ++user)
      for (Value v : g_.node(user).operands) read = read || (live_[user] && v.node == id);
    if (!read) f_.reductions.erase(at);
    return true;
  }

  // The constant that a value is everywhere.
  std::optional<double> constant_of(Value v) const {
    while (g_.node(v.node).op == Op::broadcast || g_.node(v.node).op == Op::order) v = g_.node(v.node).operands[0];
    const Node& n = g_.node(v.node);
    if (n.op != Op::constant || n.as<ConstantAttrs>().values.size() != 1) return std::nullopt;
    return n.as<ConstantAttrs>().values[0].as_double();
  }

  // Scores are select(mask, x, -inf), reduce_max sees them alone, and all else that leaves a tile is 0 where they are -inf:
  // exp(score - row) is, and what is a multiple of it.
  void find_mask() {
    std::optional<Value> score;
    for (NodeId id : f_.reductions) {
      const Node& n = g_.node(id);
      if (n.op != Op::reduce_max) continue;
      if (score && !(*score == n.operands[0])) return;
      score = n.operands[0];
    }
    if (!score || g_.node(score->node).op != Op::select) return;
    const Node& select = g_.node(score->node);
    const auto otherwise = constant_of(select.operands[2]);
    if (!otherwise || !(std::isinf(*otherwise) && *otherwise < 0)) return;
    const Value mask = select.operands[0];
    std::set<Value> zero;
    const auto is_zero = [&](Value v) { return zero.contains(v) || constant_of(v) == 0.0; };
    for (NodeId id : f_.dependent) {
      const Node& n = g_.node(id);
      const auto operand = [&](std::size_t i) { return is_zero(n.operands[i]); };
      bool vanishes = false;
      switch (n.op) {
        case Op::exp: {
          const Node& from = g_.node(n.operands[0].node);
          vanishes = from.op == Op::sub && from.operands[0] == *score;
          break;
        }
        case Op::mul: vanishes = operand(0) || operand(1); break;
        case Op::div: case Op::neg: case Op::order: case Op::cast: vanishes = operand(0); break;
        case Op::add: case Op::sub: vanishes = operand(0) && operand(1); break;
        case Op::select: vanishes = operand(2) && (n.operands[0] == mask || operand(1)); break;
        default: break;
      }
      if (vanishes) zero.insert({id, 0});
    }
    const auto leaves = [&](Value v) { return !zero.contains(v); };
    for (NodeId id : f_.reductions)
      if (g_.node(id).op == Op::sum && leaves(g_.node(id).operands[0])) return;
    for (const TileProduct& p : f_.products)
      if (leaves(p.tile)) return;
    for (const TileSum& s : f_.sums)
      if (leaves(s.tile)) return;
    f_.mask = mask;
  }

  const GraphData& g_;
  const std::vector<bool> live_;
  std::string& reason_;
  AttentionForm f_;
  std::set<NodeId> ended_;  // products and sums
};

}  // namespace

bool AttentionForm::accumulates() const {
  return std::any_of(products.begin(), products.end(), [](const TileProduct& p) { return !p.over_keys; }) ||
         std::any_of(sums.begin(), sums.end(), [](const TileSum& s) { return !s.is_of_lanes(); });
}

bool divides_tasks(const GraphData& graph, const AttentionForm& f, const std::string& axis) {
  const auto lacks = [&](NodeId id) { return !graph.node(id).types[0].has(axis); };
  return std::none_of(f.products.begin(), f.products.end(), [&](const TileProduct& p) { return !p.over_keys && lacks(p.node); }) &&
         std::none_of(f.sums.begin(), f.sums.end(), [&](const TileSum& s) { return s.keeps_query && s.keeps_key && lacks(s.node); });
}

std::optional<AttentionForm> find_attention_form(const Graph& graph, const std::string& query, const std::string& key, std::string& reason) {
  return FormFinder(graph, query, key, reason).run();
}

}  // namespace uwaga::schedule
