#include <uwaga/ir/in_range.h>

#include <algorithm>
#include <optional>

#include <uwaga/ir/attributes.h>

namespace uwaga {
namespace {

// Both ends included; where there is none, any number will do.
struct Bounds {
  std::optional<Extent> low, high;
};

constexpr int kDeepest = 12;

// Whatever the symbols are, which stand for numbers of elements: so no term of the difference may be negative.
bool is_at_most(const Extent& a, const Extent& b) {
  const Extent room = b - a;
  const Extent::Terms terms = room.terms();
  return std::all_of(terms.begin(), terms.end(), [](const Extent::Term& t) { return t.coefficient > 0; });
}
bool is_within(const Extent& from, const Extent& to, const Bounds& b) {
  return (!b.low || is_at_most(*b.low, from)) && (!b.high || is_at_most(to, *b.high));
}

// Can the dtype hold all numbers between them? Extents are numbers of what indices count, which those meant for indices hold.
bool holds_all(DType d, const Bounds& b) {
  const auto held = [&](const std::optional<Extent>& e) {
    const auto c = e ? e->constant() : std::nullopt;
    return c ? holds(d, Literal(*c)) : d == DType::i32 || d == DType::i64;
  };
  return held(b.low) && held(b.high);
}

class Prover {
 public:
  explicit Prover(const GraphData& graph) : g_(graph) {}

  bool holds(Value v, const Bounds& b, int depth) const {
    if (!b.low && !b.high) return true;
    if (depth == kDeepest) return false;
    const Node& n = g_.node(v.node);
    const auto operand = [&](std::size_t i, const Bounds& bounds) { return holds(n.operands[i], bounds, depth + 1); };
    const auto either = [&](const Bounds& bounds) { return operand(0, bounds) || operand(1, bounds); };
    const auto both = [&](const Bounds& bounds) { return operand(0, bounds) && operand(1, bounds); };
    switch (n.op) {
      case Op::constant: {
        const auto& values = n.as<ConstantAttrs>().values;
        return std::all_of(values.begin(), values.end(), [&](const Literal& x) { return is_within(x.as_integer(), x.as_integer(), b); });
      }
      case Op::iota: return counted(n.types[0].dtype, n.types[0].elements() - 1, b);
      case Op::argmax: return is_within(0, g_.type(n.operands[0]).extent(n.as<AxisAttrs>().axis) - 1, b);
      case Op::min: return both({b.low, {}}) && either({{}, b.high});
      case Op::max: return either({b.low, {}}) && both({{}, b.high});
      case Op::select: return operand(1, b) && operand(2, b);
      case Op::add: return moved(n, 0, 1, 1, b, depth) || moved(n, 1, 0, 1, b, depth);
      case Op::sub: return moved(n, 0, 1, -1, b, depth);
      case Op::cast: {
        const DType from = g_.type(n.operands[0]).dtype;
        return from == DType::boolean ? is_within(0, 1, b) : !is_float(from) && holds_all(n.types[0].dtype, b) && operand(0, b);
      }
      case Op::cumsum: return counts(n, b);
      case Op::sum: return part(n) == Extent(1) && operand(0, b);
      case Op::broadcast: case Op::split: case Op::merge: case Op::rename: case Op::slice: case Op::reverse: case Op::order:
      case Op::stop_gradient: case Op::tag:
        return operand(0, b);
      default: return false;
    }
  }

 private:
  static bool counted(DType d, const Extent& last, const Bounds& b) { return holds_all(d, {Extent(0), last}) && is_within(0, last, b); }
  // x + sign c: between bounds that the dtype holds nothing wraps.
  bool moved(const Node& n, std::size_t x, std::size_t c, int sign, const Bounds& b, int depth) const {
    const auto number = constant(n.operands[c]);
    if (!number || !b.low || !b.high || !holds_all(n.types[0].dtype, b)) return false;
    return holds(n.operands[x], {*b.low - sign * *number, *b.high - sign * *number}, depth + 1);
  }
  std::optional<Extent> constant(Value v) const {
    const Node* n = &g_.node(v.node);
    while (n->op == Op::broadcast || n->op == Op::order || n->op == Op::rename) n = &g_.node(n->operands[0].node);
    if (n->op != Op::constant || n->as<ConstantAttrs>().values.size() != 1) return std::nullopt;
    return Extent(n->as<ConstantAttrs>().values[0].as_integer());
  }
  // Of what is true, along an axis of so many elements.
  bool counts(const Node& n, const Bounds& b) const {
    const Node& from = g_.node(n.operands[0].node);
    return from.op == Op::cast && g_.type(from.operands[0]).dtype == DType::boolean &&
           counted(n.types[0].dtype, n.types[0].extent(n.as<CumsumAttrs>().axis), b);
  }
  Extent part(const Node& sum) const {
    Extent terms = 1;
    for (const std::string& axis : sum.as<ReduceAttrs>().over) terms = terms * g_.type(sum.operands[0]).extent(axis);
    return terms;
  }

  const GraphData& g_;
};

}  // namespace

bool is_index_below(const GraphData& graph, Value v, const Extent& n) { return Prover(graph).holds(v, {Extent(0), n - 1}, 0); }

}  // namespace uwaga
