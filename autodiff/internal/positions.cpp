#include <fmt/format.h>
#include <uwaga/autodiff/internal/positions.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/passes/passes.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

namespace uwaga::autodiff {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// query * time + key * key + constant.
struct Linear {
  std::int64_t query = 0, key = 0, constant = 0;
};

// What is known of each value where key > time: a number that it then is, whatever else.
class LaterKeys {
 public:
  LaterKeys(const Graph& graph, const std::string& time, const std::string& key) : g_(graph.data()), time_(time), key_(key) {}

  void run() {
    for (NodeId id = 0; id < g_.nodes().size(); ++id) visit(id);
  }

 private:
  std::optional<double> known(Value v) const {
    const auto it = known_.find(v);
    return it == known_.end() ? std::nullopt : std::optional(it->second);
  }
  std::optional<Linear> linear(Value v) const {
    const auto it = linear_.find(v);
    return it == linear_.end() ? std::nullopt : std::optional(it->second);
  }
  bool reduces_keys(const AxisNames& over) const { return std::find(over.begin(), over.end(), key_) != over.end(); }

  void visit(NodeId id) {
    const Node& n = g_.node(id);
    bool sees = false;
    if (n.op == Op::sum || n.op == Op::reduce_max)
      sees = reduces_keys(n.as<ReduceAttrs>().over) && !vanishes(n.operands[0], n.op == Op::sum ? 0 : -kInfinity);
    else if (n.op == Op::dot)
      sees = reduces_keys(n.as<DotAttrs>().over) && !vanishes(n.operands[0], 0) && !vanishes(n.operands[1], 0);
    if (sees)
      throw Error(fmt::format("{}: {} over '{}' may see positions after its own: no mask is proved to rule out {} > {}, as a score of -inf does "
                              "and a large negative one does not",
                              g_.provenance().brief(n.provenance), name(n.op), key_, key_, time_));
    if (const auto value = number(n)) known_[{id, 0}] = *value;
    if (const auto form = linear_form(n)) linear_[{id, 0}] = *form;
  }

  // Whether there is a position to compare the key with, and the value is `neutral` after it.
  bool vanishes(Value v, double neutral) const { return g_.type(v).has(time_) && known(v) == neutral; }

  std::optional<Linear> linear_form(const Node& n) const {
    if (n.types[0].dtype != DType::i32 && n.types[0].dtype != DType::i64) return std::nullopt;
    switch (n.op) {
      case Op::iota: {
        const std::string& axis = n.types[0].dims[0].axis;
        if (axis == time_) return Linear{1, 0, 0};
        return axis == key_ ? std::optional(Linear{0, 1, 0}) : std::nullopt;
      }
      case Op::constant: {
        const auto& values = n.as<ConstantAttrs>().values;
        return values.size() == 1 ? std::optional(Linear{0, 0, values[0].as_integer()}) : std::nullopt;
      }
      case Op::broadcast: case Op::order: case Op::cast: case Op::tag: case Op::stop_gradient: return linear(n.operands[0]);
      case Op::add: case Op::sub: {
        const auto a = linear(n.operands[0]), b = linear(n.operands[1]);
        if (!a || !b) return std::nullopt;
        const std::int64_t sign = n.op == Op::add ? 1 : -1;
        return Linear{a->query + sign * b->query, a->key + sign * b->key, a->constant + sign * b->constant};
      }
      case Op::mul: {  // by 1, as outer products are of a tensor of ones; larger factors may wrap
        const auto a = linear(n.operands[0]), b = linear(n.operands[1]);
        if (a && is_one(*a)) return b;
        return b && is_one(*b) ? a : std::nullopt;
      }
      default: return std::nullopt;
    }
  }

  static bool is_one(const Linear& a) { return a.query == 0 && a.key == 0 && a.constant == 1; }

  // Of a - b over 0 <= time < key, that is over time = q, key = q + 1 + s with q, s >= 0: its lower bound, if it has one.
  std::optional<std::int64_t> least(const Linear& a, const Linear& b) const {
    const std::int64_t query = a.query - b.query, key = a.key - b.key, constant = a.constant - b.constant;
    if (query + key < 0 || key < 0) return std::nullopt;
    return key + constant;
  }

  std::optional<double> number(const Node& n) const {
    const auto in = [&](std::size_t i) { return known(n.operands[i]); };
    switch (n.op) {
      case Op::constant: {
        const auto& values = n.as<ConstantAttrs>().values;
        return values.size() == 1 ? std::optional(values[0].as_double()) : std::nullopt;
      }
      case Op::broadcast: case Op::order: case Op::tag: case Op::stop_gradient: case Op::cast: return in(0);
      case Op::lt: case Op::eq: return compared(n);
      case Op::logical_not: return in(0) ? std::optional(*in(0) == 0 ? 1.0 : 0.0) : std::nullopt;
      case Op::logical_and: case Op::logical_or: {
        const double deciding = n.op == Op::logical_and ? 0 : 1;
        if (in(0) == deciding || in(1) == deciding) return deciding;
        return in(0) && in(1) ? std::optional(1 - deciding) : std::nullopt;
      }
      case Op::select:
        if (in(0)) return *in(0) != 0 ? in(1) : in(2);
        return in(1) && in(1) == in(2) ? in(1) : std::nullopt;
      case Op::add: case Op::sub: {
        const double sign = n.op == Op::add ? 1 : -1;
        const auto a = in(0), b = in(1);
        if (a && b) return *a + sign * *b;
        if (a && std::isinf(*a)) return a;
        return b && std::isinf(*b) ? std::optional(sign * *b) : std::nullopt;
      }
      case Op::mul:
        if (in(0) == 0.0 || in(1) == 0.0) return 0.0;
        return in(0) && in(1) ? std::optional(*in(0) * *in(1)) : std::nullopt;
      case Op::div: return in(0) == 0.0 ? in(0) : std::nullopt;
      case Op::neg: return in(0) ? std::optional(-*in(0)) : std::nullopt;
      case Op::exp: return in(0) == -kInfinity ? std::optional(0.0) : std::nullopt;
      case Op::dot: return of_product(n);
      default: return std::nullopt;
    }
  }

  // A product over other axes than keys is 0 where one side is.
  std::optional<double> of_product(const Node& n) const {
    for (std::size_t i : {std::size_t{0}, std::size_t{1}})
      if (vanishes(n.operands[i], 0)) return 0.0;
    return std::nullopt;
  }

  std::optional<double> compared(const Node& n) const {
    const auto a = linear(n.operands[0]), b = linear(n.operands[1]);
    if (!a || !b) return std::nullopt;
    const auto above = least(*a, *b), below = least(*b, *a);  // of a - b, and of b - a
    if (n.op == Op::lt) {
      if (above && *above >= 0) return 0.0;
      return below && *below > 0 ? std::optional(1.0) : std::nullopt;
    }
    return (above && *above > 0) || (below && *below > 0) ? std::optional(0.0) : std::nullopt;
  }

  const GraphData& g_;
  const std::string &time_, &key_;
  std::map<Value, double> known_;
  std::map<Value, Linear> linear_;
};

void find_keys(const Graph& graph, const std::string& time, std::set<std::string>& keys, bool& grown) {
  for (const Node& n : graph->nodes()) {
    if (n.op == Op::rename) {
      const auto& a = n.as<RenameAttrs>();
      if ((a.from == time || keys.contains(a.from)) && a.to != time) grown |= keys.insert(a.to).second;
    } else if (n.op != Op::parameter && has_graphs(n.op)) {
      for_each_graph(n.attributes.get(), [&](const Graph& inside) { find_keys(inside, time, keys, grown); });
    }
  }
}

}  // namespace

std::set<std::string> key_axes(const Graph& graph, const std::string& time) {
  std::set<std::string> keys;
  for (bool grown = true; grown;) {
    grown = false;
    find_keys(graph, time, keys, grown);
  }
  return keys;
}

void check_causal(const Graph& graph, const std::string& time, const std::set<std::string>& keys) {
  const Graph whole = expand(graph);
  for (const std::string& key : keys) LaterKeys(whole, time, key).run();
}

}  // namespace uwaga::autodiff
