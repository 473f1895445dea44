#include <fmt/format.h>
#include <uwaga/autodiff/decode.h>
#include <uwaga/autodiff/internal/positions.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/passes/sizes.h>
#include <uwaga/ir/update.h>

#include <algorithm>
#include <map>
#include <set>

namespace uwaga {
namespace {

using autodiff::check_causal;
using autodiff::key_axes;

// What is known of the positions of a text, of all graphs inside alike.
struct Text {
  std::string time;
  std::set<std::string> keys;
  std::set<std::string> symbols;  // that say how long the whole text is
  std::int64_t capacity = 0;
  Extent past = Extent::symbol(kPastPositions), fresh = Extent::symbol(kNewPositions);

  bool is_time(const std::string& axis) const { return axis == time; }
  bool is_key(const std::string& axis) const { return keys.contains(axis); }
};

// Rewrites nodes into one graph. A body is rewritten by another of these.
class Decode {
 public:
  // `caches`: the graph that slots are declared in; absent inside bodies.
  Decode(const Text& text, std::shared_ptr<GraphData> to, bool caches) : text_(text), to_(std::move(to)), caches_(caches) {}

  // The outputs of `from` on these values of its inputs.
  std::vector<Value> run(const Graph& from, const std::vector<Value>& inputs) {
    from_ = &from.data();
    now_.assign(from->nodes().size(), {});
    for (std::size_t i = 0; i < inputs.size(); ++i) now_[from->inputs()[i]] = {inputs[i]};
    for (NodeId id = 0; id < now_.size(); ++id) {
      const Node& n = from->node(id);
      if (n.op == Op::input) continue;
      ValueList operands;
      for (Value v : n.operands) operands.push_back(now_[v.node][v.output]);
      const ProvenanceGuard guard(*to_, to_->provenance().import(from->provenance(), n.provenance));
      now_[id] = node(n, std::move(operands));
    }
    std::vector<Value> out;
    for (const Output& o : from->outputs()) out.push_back(now_[o.value.node][o.value.output]);
    return out;
  }

  // The type of an input of the derived graph.
  Type type_of_input(const Type& type, const std::string& what) const {
    Type out = type;
    if (out.dims.empty()) return out;
    for (Dim& d : out.dims.edit()) {
      if (text_.is_time(d.axis)) d.extent = text_.fresh;
      else if (says_length(d.extent)) throw Error(fmt::format("{} has positions along '{}' too, not along '{}' alone", what, d.axis, text_.time));
    }
    return out;
  }

 private:
  using Values = std::vector<Value>;

  [[noreturn]] void refuse(const Node& n, const std::string& what) const {
    throw Error(fmt::format("{}: derive_decode over '{}': {} {}", from_->provenance().brief(n.provenance), text_.time,
                            n.op == Op::call ? n.as<CallAttrs>().composite->name : std::string(name(n.op)), what));
  }
  [[noreturn]] void refuse_mixing(const Node& n, const std::string& axis) const {
    refuse(n, fmt::format("along '{}' mixes positions", axis));
  }

  Values add(Op op, SharedAttributes attributes, ValueList operands) {
    const NodeId id = to_->add(op, std::move(attributes), std::move(operands), to_->origin(std::source_location::current()));
    Values out;
    for (std::uint32_t o = 0; o < to_->node(id).types.size(); ++o) out.push_back({id, o});
    return out;
  }
  Tensor tensor(Value v) const { return {to_, v}; }

  // Does an extent of the new graph, or of the old one, tell of positions?
  bool says_length(const Extent& e) const {
    for (const std::string& s : e.symbols())
      if (text_.symbols.contains(s) || s == kPastPositions || s == kNewPositions) return true;
    return false;
  }
  bool has_positions(Value v, const std::string& axis) const {
    const Dim* d = to_->type(v).find(axis);
    return d && (text_.is_time(axis) || text_.is_key(axis) || says_length(d->extent));
  }
  bool has_positions(Value v) const {
    const Type& t = to_->type(v);
    return std::any_of(t.dims.begin(), t.dims.end(), [&](const Dim& d) { return has_positions(v, d.axis); });
  }

  // Extents that attributes say, in the new graph.
  void set_extents(const Node& n, Dims& dims) const {
    if (dims.empty()) return;
    for (Dim& d : dims.edit()) {
      if (text_.is_time(d.axis)) d.extent = text_.fresh;
      else if (text_.is_key(d.axis)) d.extent = text_.past + text_.fresh;
      else if (says_length(d.extent)) refuse(n, fmt::format("has {}={}, which depends on how long the text is", d.axis, d.extent.str()));
    }
  }
  Attributes with_extents(const Node& n) const {
    Attributes a = n.attributes;
    for_each_field(a, [&]<typename Member>(const char* field, Member& value) {
      if constexpr (std::is_same_v<Member, Dims>) set_extents(n, value);
      else if constexpr (std::is_same_v<Member, Type>) set_extents(n, value.dims);
      else if constexpr (std::is_same_v<Member, Extent>)
        if (says_length(value)) refuse(n, fmt::format("has {}={}, which depends on how long the text is", field, value.str()));
    });
    return a;
  }

  Values node(const Node& n, ValueList in) {
    switch (n.op) {
      case Op::parameter: case Op::constant: return leaf(n);
      case Op::iota: return indices(n);
      case Op::rename: return rename_axis(n, in[0]);
      case Op::sum: case Op::reduce_max: return reduction(n, n.as<ReduceAttrs>().over, in);
      case Op::dot: return reduction(n, n.as<DotAttrs>().over, in);
      case Op::call: return call(n, in);
      case Op::random_bits: case Op::scan: case Op::cond:
        if (with_positions(n, in)) refuse(n, "is not derived for tensors with positions yet");
        return add(n.op, n.attributes, std::move(in));
      case Op::scatter_add: {
        const Type& base = to_->type(in[0]);
        for (const Dim& d : to_->type(in[2]).dims)
          if (has_positions(in[2], d.axis) && !base.has(d.axis)) refuse_mixing(n, d.axis);
        break;
      }
      case Op::split: {
        const auto& a = n.as<SplitAttrs>();
        if (text_.is_time(a.axis) || text_.is_key(a.axis)) refuse_mixing(n, a.axis);
        return add(n.op, with_extents(n), std::move(in));
      }
      case Op::merge: {
        const auto& a = n.as<MergeAttrs>();
        if (text_.is_time(a.into) || text_.is_key(a.into)) refuse_mixing(n, a.into);
        return add(n.op, n.attributes, std::move(in));
      }
      default: break;
    }
    const std::string axis = axis_of(n.attributes);
    if (!axis.empty())
      for (Value v : in)
        if (has_positions(v, axis)) refuse_mixing(n, axis);
    return add(n.op, with_extents(n), std::move(in));
  }

  bool with_positions(const Node& n, const ValueList& in) const {
    const auto positions = [&](const Type& t) {
      return std::any_of(t.dims.begin(), t.dims.end(), [&](const Dim& d) { return text_.is_time(d.axis) || text_.is_key(d.axis) || says_length(d.extent); });
    };
    return std::any_of(n.types.begin(), n.types.end(), positions) || std::any_of(in.begin(), in.end(), [&](Value v) { return has_positions(v); });
  }

  // What an op that works along one axis calls it.
  static std::string axis_of(const Attributes& attributes) {
    std::string out;
    for_each_field(attributes, [&]<typename Member>(const char* field, const Member& value) {
      if constexpr (std::is_same_v<Member, std::string>)
        if (std::string_view(field) == "axis") out = value;
    });
    return out;
  }

  // Parameters and tables over positions are read at those that are computed, or at all so far.
  Values leaf(const Node& n) {
    const bool one_value = n.op == Op::constant && n.as<ConstantAttrs>().values.size() == 1;
    if (one_value) return add(n.op, with_extents(n), {});
    Value v = add(n.op, n.attributes, {})[0];
    for (const Dim& d : n.types[0].dims) {
      const Extent from = text_.is_time(d.axis) ? text_.past : Extent(0);
      if (text_.is_time(d.axis) || text_.is_key(d.axis))
        v = add(Op::slice, SliceAttrs{d.axis, from, text_.past + text_.fresh, 1}, {v})[0];
    }
    return {v};
  }

  Values indices(const Node& n) {
    IotaAttrs a = n.as<IotaAttrs>();
    const std::string axis = a.type.dims[0].axis;
    if (!text_.is_time(axis)) return add(n.op, with_extents(n), {});
    a.type.dims.edit()[0].extent = text_.past + text_.fresh;
    const Value all = add(Op::iota, std::move(a), {})[0];
    return add(Op::slice, SliceAttrs{axis, text_.past, text_.past + text_.fresh, 1}, {all});
  }

  Values reduction(const Node& n, const AxisNames& over, const ValueList& in) {
    for (const std::string& axis : over)
      for (Value v : in)
        if (has_positions(v, axis) && !text_.is_key(axis)) refuse_mixing(n, axis);
    return add(n.op, n.attributes, in);
  }

  Values rename_axis(const Node& n, Value in) {
    const auto& a = n.as<RenameAttrs>();
    if (text_.is_time(a.from)) return append(n, in, a.to);
    if (text_.is_time(a.to)) refuse(n, fmt::format("gives '{}' the name of the positions", a.from));
    return add(n.op, n.attributes, {in});
  }

  // What the slot holds of the past, and the new positions behind it; which the run appends to the slot.
  Values append(const Node& n, Value in, const std::string& key) {
    check_internal(caches_, "a body keeps a cache");
    const Type& type = to_->type(in);
    // The positions of each head lie one after the other: attention reads them as pieces of memory.
    Axes axes;
    for (const Dim& d : type.dims) {
      if (text_.is_time(d.axis)) continue;
      if (!d.extent.constant())
        refuse(n, fmt::format("from '{}' to '{}' keeps what it renames, and needs a size for '{}'", text_.time, key, d.axis));
      axes.emplace_back(d.axis, d.extent);
    }
    axes.emplace(axes.empty() ? axes.end() : std::prev(axes.end()), key, text_.capacity);
    const auto origins = from_->provenance().origins(n.provenance);
    const std::string scope = from_->provenance().path(origins.front().scope);
    const std::string path = fmt::format("{}{}cache.{}", scope, scope.empty() ? "" : ".", numbers_[scope]++);
    const Tensor slot = Graph(to_).scope().state(path, axes, zeros(), type.dtype);
    AxisNames names;
    for (const Axis& axis : axes) names.push_back(axis.name);
    Value rows = add(Op::rename, n.attributes, {in})[0];
    if (to_->type(rows).axes() != names) rows = add(Op::order, OrderAttrs{names}, {rows})[0];
    const Extent end = text_.past + text_.fresh, capacity(text_.capacity);
    const Value before = add(Op::slice, SliceAttrs{key, Extent(0), text_.past, 1}, {slot.value()})[0];
    const Value after = add(Op::slice, SliceAttrs{key, end, capacity, 1}, {slot.value()})[0];
    update(slot, tensor(add(Op::concat, AxisAttrs{key}, {before, rows, after})[0]));
    return add(Op::concat, AxisAttrs{key}, {before, rows});
  }

  Values call(const Node& n, const ValueList& in) {
    if (!with_positions(n, in)) return add(n.op, n.attributes, in);
    CallAttrs a = n.as<CallAttrs>();
    auto body = std::make_shared<GraphData>(to_->shared_provenance());
    Decode inside(text_, body, false);
    Values values;
    for (std::size_t i = 0; i < a.body->inputs().size(); ++i) {
      const Node& input = a.body->node(a.body->inputs()[i]);
      InputAttrs attributes = input.as<InputAttrs>();
      attributes.type = to_->type(in[i]);
      values.push_back({body->add(Op::input, std::move(attributes), {}, to_->provenance().import(a.body->provenance(), input.provenance)), 0});
    }
    const Values out = inside.run(a.body, values);
    for (std::size_t o = 0; o < out.size(); ++o) body->add_output(a.body->outputs()[o].name, out[o]);
    a.body = Graph(body);
    return add(Op::call, std::move(a), in);
  }

  const Text& text_;
  std::shared_ptr<GraphData> to_;
  const bool caches_;
  const GraphData* from_ = nullptr;
  std::vector<Values> now_;
  std::map<std::string, int> numbers_;  // of caches, by scope
};

bool renames(const Graph& graph, const Text& text) {
  return std::any_of(graph->nodes().begin(), graph->nodes().end(), [&](const Node& n) {
    if (n.op == Op::rename) return text.is_time(n.as<RenameAttrs>().from);
    bool inside = false;
    if (n.op == Op::call) for_each_graph(n.attributes.get(), [&](const Graph& body) { inside |= renames(body, text); });
    return inside;
  });
}

}  // namespace

Graph derive_decode(const Graph& graph, const Axis& time, const DecodeOptions& options, Here where) {
  const auto refuse = [&](const std::string& what) {
    return Error(fmt::format("{}:{}: derive_decode over '{}': {}", base_name(where.file_name()), where.line(), time.name, what));
  };
  if (!graph->updates().empty())
    throw refuse(fmt::format("the graph updates slot '{}'; derive from the model's outputs, not from its training step", graph->updates()[0].path));
  Text text;
  text.time = time.name;
  text.capacity = options.capacity;
  bool found = false;
  for (NodeId id : graph->inputs()) {
    const Dim* d = graph->node(id).types[0].find(time.name);
    if (!d) continue;
    found = true;
    for (const std::string& s : d->extent.symbols()) {
      text.symbols.insert(s);
      const auto bound = graph->bounds().find(s);
      if (text.capacity == 0 && bound != graph->bounds().end()) text.capacity = bound->second;
    }
    if (const auto n = d->extent.constant(); n && text.capacity == 0) text.capacity = *n;
  }
  if (!found) throw refuse("no input has this axis");
  if (text.capacity < 1) throw refuse("give the capacity of its caches: the axis has no bound");
  if (options.count && (*options.count < 1 || *options.count > text.capacity))
    throw refuse(fmt::format("{} new positions do not fit into a capacity of {}", *options.count, text.capacity));

  // In canonical order, so that caches are numbered alike however the model was written.
  Graph from = cse(with_sizes(graph, options.sizes));
  text.keys = key_axes(from, time.name);
  check_causal(from, time.name, text.keys);
  from = expand(from, [&](const CallAttrs& call) { return !renames(call.body, text); });

  Graph out = empty_like(from);
  out->bound(kPastPositions, text.capacity);  // of new ones there is room for the rest, which the slices of the caches check
  Decode decode(text, out.shared(), true);
  std::vector<Value> inputs;
  for (NodeId id : from->inputs()) {
    const Node& n = from->node(id);
    InputAttrs a = n.as<InputAttrs>();
    a.type = decode.type_of_input(a.type, fmt::format("derive_decode over '{}': input '{}'", time.name, a.name));
    inputs.push_back({out->add(Op::input, std::move(a), {}, n.provenance), 0});
  }
  const std::vector<Value> outputs = decode.run(from, inputs);
  for (std::size_t o = 0; o < outputs.size(); ++o) out->add_output(from->outputs()[o].name, outputs[o]);
  return options.count ? with_sizes(out, {{kNewPositions, *options.count}}) : out;
}

}  // namespace uwaga
