#include <fmt/format.h>
#include <uwaga/autodiff/vmap.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/graph.h>

#include <algorithm>

namespace uwaga {
namespace {

// Rewrites nodes into one graph, with `dim` on every value that depends on something that has it.
class Vmap {
 public:
  Vmap(std::shared_ptr<GraphData> to, Dim dim) : to_(std::move(to)), dim_(std::move(dim)) {}

  // The outputs of `from` on these values of its inputs.
  std::vector<Value> run(const Graph& from, const std::vector<Value>& inputs) {
    std::vector<std::vector<Value>> now(from->nodes().size());
    for (std::size_t i = 0; i < inputs.size(); ++i) now[from->inputs()[i]] = {inputs[i]};
    for (NodeId id = 0; id < now.size(); ++id) {
      const Node& n = from->node(id);
      if (n.op == Op::input) continue;
      std::vector<Value> operands;
      for (Value v : n.operands) operands.push_back(now[v.node][v.output]);
      const ProvenanceGuard guard(*to_, to_->provenance().import(from->provenance(), n.provenance));
      now[id] = node(n, std::move(operands));
    }
    values_ = now;
    std::vector<Value> out;
    for (const Output& o : from->outputs()) out.push_back(now[o.value.node][o.value.output]);
    return out;
  }
  // After run: what a value of the graph became.
  Value now(Value v) const { return values_[v.node][v.output]; }

  bool has(Value v) const { return to_->type(v).has(dim_.axis); }
  Value spread(Value v) {
    if (has(v)) return v;
    return add(Op::broadcast, BroadcastAttrs{with_dim(to_->type(v).dims)}, {v})[0];
  }

 private:
  using Values = std::vector<Value>;

  std::vector<Dim> with_dim(std::vector<Dim> dims) const {
    dims.insert(dims.begin(), dim_);
    return dims;
  }
  Values add(Op op, Attributes attributes, Values operands) {
    const NodeId id =
        to_->add(op, std::move(attributes), std::move(operands), to_->origin(std::source_location::current()));
    Values out;
    for (std::uint32_t o = 0; o < to_->node(id).types.size(); ++o) out.push_back({id, o});
    return out;
  }
  Tensor tensor(Value v) const { return {to_, v}; }

  Values node(const Node& n, Values in) {
    const bool any = std::any_of(in.begin(), in.end(), [&](Value v) { return has(v); });
    Attributes a = n.attributes;
    if (n.op == Op::random_bits) {
      auto& bits = std::get<RandomBitsAttrs>(a);
      bits.type.dims = with_dim(bits.type.dims);
    }
    if (!any) {
      if (n.op == Op::scan || n.op == Op::call || n.op == Op::cond)
        return body_node(n, std::move(in));  // random bits inside
      return add(n.op, std::move(a), std::move(in));
    }
    if (is_binary(n.op) || n.op == Op::select || n.op == Op::concat) {
      for (Value& v : in) v = spread(v);
      return add(n.op, std::move(a), std::move(in));
    }
    switch (n.op) {
      case Op::broadcast: {
        auto& dims = std::get<BroadcastAttrs>(a).dims;
        dims = with_dim(dims);
        return add(n.op, std::move(a), std::move(in));
      }
      case Op::order: {
        auto& axes = std::get<OrderAttrs>(a).axes;
        axes.insert(axes.begin(), dim_.axis);
        return add(n.op, std::move(a), std::move(in));
      }
      case Op::scatter_add:
        in[0] = spread(in[0]);
        in[2] = spread(in[2]);
        return add(n.op, std::move(a), std::move(in));
      case Op::dynamic_slice:
        return has(in[1]) ? slice_each(std::get<DynamicSliceAttrs>(a), in) : add(n.op, std::move(a), std::move(in));
      case Op::dynamic_update:
        if (has(in[2])) return update_each(std::get<AxisAttrs>(a).axis, in);
        in[0] = spread(in[0]);
        in[1] = spread(in[1]);
        return add(n.op, std::move(a), std::move(in));
      case Op::scan:
      case Op::cond:
      case Op::call:
        return body_node(n, std::move(in));
      default:
        return add(n.op, std::move(a), std::move(in));
    }
  }

  // A start for each: gathered at start + 0, 1, 2, ...
  Values slice_each(const DynamicSliceAttrs& a, const Values& in) {
    const std::string at = a.axis + ".at";
    const DType index = to_->type(in[1]).dtype;
    const Tensor offset = tensor(add(Op::iota, IotaAttrs{Type{index, {{at, a.size}}}}, {})[0]);
    const Tensor where = outer_sum(offset, tensor(in[1]));
    return {rename(gather(tensor(in[0]), where, a.axis), at, a.axis).value()};
  }

  // A start for each: where an element lies under the update it is gathered from there.
  Values update_each(const std::string& axis, const Values& in) {
    const Tensor base = tensor(spread(in[0])), update = tensor(in[1]);
    const std::string at = axis + ".at";
    // One that has no room behind it is an error, as it is alone: an index out of range.
    const Tensor starts = broadcast(full_like(tensor(in[2]), 0), {{at, base.extent(axis) - update.extent(axis) + 1}});
    const Tensor start = tensor(in[2]) + gather(starts, tensor(in[2]), at);
    const Tensor place = outer_sum(iota(base, axis, start.dtype()), -start);
    const Tensor size = broadcast_like(count(update, {axis}, start.dtype()), place);
    const Tensor inside = logical_and(place >= 0, place < size);
    // An element more, so that there is one to look at where the update has none.
    const Tensor some = pad(rename(update, axis, at), at, Extent(0), Extent(1), 0);
    const Tensor taken = gather(some, min(max(place, 0), size), at);
    return {select(broadcast_like(inside, base), taken, base).value()};
  }
  static Tensor outer_sum(const Tensor& a, const Tensor& b) {
    std::vector<Dim> more;
    for (const Dim& d : b.type().dims)
      if (!a.has(d.axis)) more.push_back(d);
    return (more.empty() ? a : broadcast(a, more)) + b;
  }

  Values body_node(const Node& n, Values in) {
    if (n.op == Op::call) return call(n, std::move(in));
    return n.op == Op::scan ? scan(n, std::move(in)) : cond(n, std::move(in));
  }

  // A body with the axis on these inputs, and on the outputs that get it, or are to have it.
  Graph body_of(const Graph& body, const std::vector<bool>& inputs, std::vector<bool>& outputs) {
    auto g = std::make_shared<GraphData>(to_->shared_provenance());
    Vmap inside(g, dim_);
    Values values;
    for (std::size_t i = 0; i < body->inputs().size(); ++i) {
      const Node& n = body->node(body->inputs()[i]);
      InputAttrs a = n.as<InputAttrs>();
      if (inputs[i]) a.type.dims = with_dim(a.type.dims);
      values.push_back({g->add(Op::input, a, {}, n.provenance), 0});
    }
    Values out = inside.run(body, values);
    outputs.resize(out.size(), false);
    for (std::size_t o = 0; o < out.size(); ++o) {
      const ProvenanceGuard guard(*g, g->node(out[o].node).provenance);
      if (outputs[o]) out[o] = inside.spread(out[o]);
      outputs[o] = inside.has(out[o]);
      g->add_output(body->outputs()[o].name, out[o]);
    }
    return Graph(g);
  }

  std::vector<bool> who_has(const Values& in) const {
    std::vector<bool> out;
    for (Value v : in) out.push_back(has(v));
    return out;
  }

  Values call(const Node& n, Values in) {
    CallAttrs a = n.as<CallAttrs>();
    std::vector<bool> outputs;
    a.body = body_of(a.body, who_has(in), outputs);
    return add(Op::call, std::move(a), std::move(in));
  }

  Values scan(const Node& n, Values in) {
    ScanAttrs a = n.as<ScanAttrs>();
    const auto carries = static_cast<std::size_t>(a.carries),
               before_index = carries + static_cast<std::size_t>(a.slices);
    std::vector<bool> inputs = who_has(in);
    inputs.insert(inputs.begin() + static_cast<std::ptrdiff_t>(before_index), false);
    Graph body;
    for (bool grown = true; grown;) {
      grown = false;
      std::vector<bool> outputs(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(carries));
      body = body_of(a.body, inputs, outputs);
      for (std::size_t i = 0; i < carries; ++i)
        if (outputs[i] && !inputs[i]) inputs[i] = grown = true;
    }
    for (std::size_t i = 0; i < carries; ++i)
      if (inputs[i]) in[i] = spread(in[i]);
    a.body = body;
    return add(Op::scan, std::move(a), std::move(in));
  }

  Values cond(const Node& n, Values in) {
    CondAttrs a = n.as<CondAttrs>();
    if (has(in[0])) {
      const Values operands(in.begin() + 1, in.end());
      Vmap yes_branch(to_, dim_), no_branch(to_, dim_);
      const Values yes = yes_branch.run(a.then_body, operands), no = no_branch.run(a.else_body, operands);
      Values out;
      for (std::size_t o = 0; o < yes.size(); ++o) {
        const Tensor if_true = tensor(spread(yes[o])), if_false = tensor(spread(no[o]));
        out.push_back(select(broadcast_like(tensor(in[0]), if_true), if_true, if_false).value());
      }
      return out;
    }
    std::vector<bool> inputs = who_has(in), outputs;
    inputs.erase(inputs.begin());
    body_of(a.then_body, inputs, outputs);
    body_of(a.else_body, inputs, outputs);  // now the outputs that either branch gives the axis
    a.then_body = body_of(a.then_body, inputs, outputs);
    a.else_body = body_of(a.else_body, inputs, outputs);
    return add(Op::cond, std::move(a), std::move(in));
  }

  std::shared_ptr<GraphData> to_;
  Dim dim_;
  std::vector<Values> values_;
};

// Nothing may have the axis already, in bodies neither.
void check_unused(const Graph& graph, const std::string& axis) {
  for (const Node& n : graph->nodes()) {
    for (const Type& t : n.types)
      if (t.has(axis))
        throw Error(fmt::format("{}: vmap over '{}': this {} has that axis already",
                                graph->provenance().brief(n.provenance), axis, name(n.op)));
    if (n.op == Op::scan || n.op == Op::cond || n.op == Op::call)
      for_each_graph(n.attributes, [&](const Graph& inside) {
        if (inside) check_unused(inside, axis);
      });
  }
}

}  // namespace

Graph vmap(const Graph& graph, const Axis& axis, const std::vector<std::string>& inputs, Here where) {
  const Graph from = graph;
  check_unused(from, axis.name);
  Graph out = empty_like(from);
  const Dim dim{axis.name, axis.extent ? *axis.extent : Extent::symbol(axis.name)};
  if (axis.bound) out->bound(axis.name, *axis.bound);
  std::vector<std::string> left = inputs;
  std::vector<Value> values;
  for (NodeId id : from->inputs()) {
    const Node& n = from->node(id);
    InputAttrs a = n.as<InputAttrs>();
    if (const auto it = std::find(left.begin(), left.end(), a.name); it != left.end()) {
      left.erase(it);
      auto& dims = a.type.dims.edit();
      dims.insert(dims.begin(), dim);
    }
    values.push_back({out->add(Op::input, std::move(a), {}, n.provenance), 0});
  }
  const auto refuse = [&](const std::string& what) {
    return Error(fmt::format("{}:{}: vmap over '{}': {}", base_name(where.file_name()), where.line(), axis.name, what));
  };
  if (!left.empty()) throw refuse(fmt::format("there is no input '{}'", left.front()));

  Vmap vmap(out.shared(), dim);
  const std::vector<Value> outputs = vmap.run(from, values);
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    const ProvenanceGuard guard(out.data(), out->node(outputs[o].node).provenance);
    out->add_output(from->outputs()[o].name, vmap.spread(outputs[o]));
  }
  for (const Update& u : from->updates()) {
    if (vmap.has(vmap.now(u.value))) throw refuse(fmt::format("slot '{}' would get a value for each", u.path));
    out->add_update(u.path, vmap.now(u.value));
  }
  return out;
}

}  // namespace uwaga
