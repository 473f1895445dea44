#include <uwaga/codegen/schedule/attention_flat.h>
#include <uwaga/codegen/schedule/attention_mask.h>
#include <uwaga/ir/attributes.h>

#include <optional>

namespace uwaga::schedule {
namespace {

using namespace kernel;

// Numbers beyond this could wrap in the i32 arithmetic that the mask is written in.
constexpr std::int64_t kLargest = std::int64_t{1} << 30;

class Bounds {
 public:
  Bounds(Inline& x, const Box& box) : x_(x), b_(x.builder()), g_(x.graph()), box_(box) {}

  // Empty: nothing is known.
  Ex may(Value v) { return holds(v, true); }
  Ex must(Value v) { return holds(v, false); }

 private:
  // may == true: can it be true anywhere; else: is it true everywhere. An empty answer is `true` for the first and `false`
  // for the second.
  Ex holds(Value v, bool may) {
    const Node& n = g_.node(v.node);
    switch (n.op) {
      case Op::broadcast: case Op::order: return holds(n.operands[0], may);
      case Op::logical_not: {
        const Ex inner = holds(n.operands[0], !may);
        return inner ? logical_not(inner) : Ex{};
      }
      case Op::logical_and: return joined(holds(n.operands[0], may), holds(n.operands[1], may), may, true);
      case Op::logical_or: return joined(holds(n.operands[0], may), holds(n.operands[1], may), may, false);
      case Op::lt: {
        const auto a = span(n.operands[0]), c = span(n.operands[1]);
        if (!a || !c) return {};
        return may ? a->low < c->high : a->high < c->low;
      }
      case Op::eq: {
        const auto a = span(n.operands[0]), c = span(n.operands[1]);
        if (!a || !c) return {};
        return may ? at_most(a->low, c->high) && at_most(c->low, a->high) : at_most(a->high, c->low) && at_most(c->high, a->low);
      }
      default: return {};
    }
  }

  Ex at_most(Ex a, Ex c) { return logical_not(c < a); }

  // An unknown answer is true where we ask for `may`, false where we ask for `must`.
  Ex joined(Ex a, Ex c, bool may, bool is_and) {
    if (bool(a) && bool(c)) return is_and ? a && c : a || c;
    const bool neutral = may == is_and;  // the unknown one changes nothing
    if (!neutral) return {};
    return a ? a : c;
  }

  std::optional<Span> span(Value v) {
    const Node& n = g_.node(v.node);
    const DType d = n.types[0].dtype;
    if (d != DType::i32 && d != DType::i64) return std::nullopt;
    switch (n.op) {
      case Op::broadcast: case Op::order: return span(n.operands[0]);
      case Op::cast: return span(n.operands[0]);
      case Op::iota: {
        const auto it = box_.find(n.types[0].dims[0].axis);
        return it == box_.end() ? std::nullopt : std::optional(it->second);
      }
      case Op::slice: {  // of indices: they begin elsewhere
        const auto& a = n.as<SliceAttrs>();
        const auto whole = span(n.operands[0]);
        if (!whole || a.step != 1 || n.types[0].rank() != 1) return std::nullopt;
        const Ex start = x_.extent(a.start);
        return Span{whole->low + start, whole->high + start};
      }
      case Op::constant: {
        const auto& values = n.as<ConstantAttrs>().values;
        if (values.size() != 1) return std::nullopt;
        const std::int64_t value = values[0].as_integer();
        if (value < -kLargest || value > kLargest) return std::nullopt;
        const Ex c = b_.integer(value);
        return Span{c, c};
      }
      case Op::add: case Op::sub: {
        const auto a = span(n.operands[0]), c = span(n.operands[1]);
        if (!a || !c) return std::nullopt;
        return n.op == Op::add ? Span{a->low + c->low, a->high + c->high} : Span{a->low - c->high, a->high - c->low};
      }
      default: return std::nullopt;
    }
  }

  Inline& x_;
  KernelBuilder& b_;
  const GraphData& g_;
  const Box& box_;
};

}  // namespace

Ex may_hold(Inline& x, Value mask, const Box& box) { return Bounds(x, box).may(mask); }
Ex must_hold(Inline& x, Value mask, const Box& box) { return Bounds(x, box).must(mask); }

void key_blocks(Inline& x, const AttentionForm& form, Ex keys, const Span& queries, const std::function<void(Ex begin, Ex end)>& body) {
  KernelBuilder& b = x.builder();
  b.at(kAlgorithm);
  x.loop(b.integer(0), keys, kKeyBlock, [&](Ex k0) {
    b.at(kAlgorithm);
    const Ex end = b.let(min(k0 + kKeyBlock, keys));
    Ex may;
    if (form.mask) may = may_hold(x, *form.mask, {{form.query, queries}, {form.key, {k0, end - 1}}});
    if (may) x.branch(may, [&] { body(k0, end); });
    else body(k0, end);
  });
}

}  // namespace uwaga::schedule
