#include <uwaga/ir/ops.h>

#include <fmt/format.h>

#include <algorithm>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/unlike_sizes.h>
#include <uwaga/ir/wanted.h>

namespace uwaga {
namespace {

// What one call of a builder function works with: the innermost graph of its operands, and the call's origin.
struct Builder {
  std::shared_ptr<GraphData> graph;
  ProvenanceId origin;

  Builder(std::shared_ptr<GraphData> g, Here where) : graph(std::move(g)), origin(graph->origin(where)) {}
  explicit Builder(const Operand& x) : Builder(x.tensor ? x.tensor->shared_graph() : refuse_literals(x.where), x.where) {}

  // The graph of several operands: the one inside all the others.
  static Builder of(std::initializer_list<const Operand*> operands) {
    std::shared_ptr<GraphData> inner;
    const Operand* first = *operands.begin();
    for (const Operand* x : operands) {
      if (!x->tensor) continue;
      join(inner, x->tensor->shared_graph(), first->where);
    }
    return {inner ? inner : refuse_literals(first->where), first->where};
  }
  static Builder of(const std::vector<Tensor>& tensors, Here where) {
    std::shared_ptr<GraphData> inner;
    for (const Tensor& t : tensors) join(inner, t.shared_graph(), where);
    return {inner ? inner : refuse_literals(where), where};
  }

  Error error(const std::string& what) const { return Error(fmt::format("{}: {}", graph->provenance().brief(origin), what)); }
  Value value(const Tensor& t) const { return graph->adopt(t.data(), t.value()); }
  Tensor tensor(Value v) const { return {graph, v}; }
  Tensor add(Op op, Attributes a, ValueList operands) const {
    return tensor({graph->add(op, std::move(a), std::move(operands), origin), 0});
  }

  // A scalar literal of a dtype. Floating dtypes take any number, others only what they can hold exactly.
  Value literal(const Literal& v, DType dtype) const {
    if (!is_float(dtype)) {
      if (!holds(dtype, v)) throw error(fmt::format("the literal {} is no {}", v.as_double(), name(dtype)));
      return {graph->add(Op::constant, ConstantAttrs{Type{dtype, {}}, {Literal(v.as_integer())}}, {}, origin), 0};
    }
    return {graph->add(Op::constant, ConstantAttrs{Type{dtype, {}}, {Literal(v.as_double())}}, {}, origin), 0};
  }

  Value broadcast(Value v, const Dims& dims) const {
    const Type& t = graph->type(v);
    if (t.dims.size() == dims.size()) return v;
    return {graph->add(Op::broadcast, BroadcastAttrs{dims}, {v}, origin), 0};
  }

 private:
  [[noreturn]] static std::shared_ptr<GraphData> refuse_literals(Here where) {
    throw Error(fmt::format("{}:{}: literals alone are no tensors; use constant()", base_name(where.file_name()), where.line()));
  }
  static void join(std::shared_ptr<GraphData>& inner, const std::shared_ptr<GraphData>& other, Here where) {
    if (!inner || other->is_inside(*inner)) inner = other;
    else if (!inner->is_inside(*other)) refuse_two_graphs(where, *inner, *other);
  }
};

// Where an op needs the axes of an operand, and a literal has none.
void want_tensor(Op op, const Operand& x, const char* which) {
  wanted(x, std::string(name(op)).c_str(), which);
}

Tensor unary(Op op, const Operand& x) {
  const Builder b(x);
  return b.add(op, NoAttrs{}, {b.value(*x.tensor)});
}

// Operands of an elementwise op: literals take the dtype of the tensors, the smaller set of axes is broadcast.
ValueList align(const Builder& b, Op op, std::initializer_list<const Operand*> operands, int condition = -1) {
  std::optional<DType> dtype;
  const Type* widest = nullptr;
  SmallList<std::optional<Value>, 3> values;
  int i = 0;
  for (const Operand* x : operands) {
    values.push_back(x->tensor ? std::optional(b.value(*x->tensor)) : std::nullopt);
    if (x->tensor) {
      if (i != condition && !dtype) dtype = x->tensor->dtype();
      if (!widest || x->tensor->type().rank() > widest->rank()) widest = &x->tensor->type();
    }
    ++i;
  }
  const Dims dims = widest->dims;  // shared, so that the results' types are told equal at a glance
  ValueList out;
  i = 0;
  for (const Operand* x : operands) {
    const DType want = i == condition ? DType::boolean : dtype.value_or(x->literal.is_integer() ? DType::i32 : DType::f32);
    const Value v = values[static_cast<std::size_t>(i)] ? *values[static_cast<std::size_t>(i)] : b.literal(x->literal, want);
    const Type& t = b.graph->type(v);
    if (t.dims.shares(dims)) {
      out.push_back(v);
      ++i;
      continue;
    }
    for (const Dim& d : t.dims)
      if (std::none_of(dims.begin(), dims.end(), [&](const Dim& w) { return w.axis == d.axis; }))
        throw b.error(fmt::format("{}: axes {{{}}} and {{{}}}: neither contains the other; rename an axis, or write the outer product "
                                  "with outer or broadcast", name(op), join(t.axes()), join(Type{t.dtype, dims}.axes())));
    for (const Dim& d : t.dims)
      for (const Dim& w : dims)
        if (w.axis == d.axis && !(w.extent == d.extent))
          throw b.error(fmt::format("{}: {}", name(op), unlike_sizes("one operand", w, "another", d)));
    out.push_back(b.broadcast(v, dims));
    ++i;
  }
  return out;
}

Tensor binary(Op op, const Operand& x, const Operand& y) {
  const Builder b = Builder::of({&x, &y});
  return b.add(op, NoAttrs{}, align(b, op, {&x, &y}));
}

void check_axis(const Builder& b, std::string_view function, const Type& t, const Axis& axis) {
  if (const std::string wrong = wrong_axis(function, "operand", t, axis); !wrong.empty()) throw b.error(wrong);
}
void check_axis(const Builder& b, Op op, const Type& t, const Axis& axis) { check_axis(b, name(op), t, axis); }

Tensor along(Op op, const Operand& x, const Axis& axis, Attributes attributes) {
  const Builder b(x);
  check_axis(b, op, x.tensor->type(), axis);
  return b.add(op, std::move(attributes), {b.value(*x.tensor)});
}

}  // namespace

Tensor operator-(Operand x) { return unary(Op::neg, x); }
Tensor abs(Operand x) { return unary(Op::abs, x); }
Tensor exp(Operand x) { return unary(Op::exp, x); }
Tensor log(Operand x) { return unary(Op::log, x); }
Tensor log1p(Operand x) { return unary(Op::log1p, x); }
Tensor sqrt(Operand x) { return unary(Op::sqrt, x); }
Tensor rsqrt(Operand x) { return unary(Op::rsqrt, x); }
Tensor sin(Operand x) { return unary(Op::sin, x); }
Tensor cos(Operand x) { return unary(Op::cos, x); }
Tensor tanh(Operand x) { return unary(Op::tanh, x); }
Tensor erf(Operand x) { return unary(Op::erf, x); }
Tensor sigmoid(Operand x) { return unary(Op::sigmoid, x); }
Tensor floor(Operand x) { return unary(Op::floor, x); }
Tensor logical_not(Operand x) { return unary(Op::logical_not, x); }
Tensor stop_gradient(Operand x) { return unary(Op::stop_gradient, x); }
Tensor operator+(Operand a, Operand b) { return binary(Op::add, a, b); }
Tensor operator-(Operand a, Operand b) { return binary(Op::sub, a, b); }
Tensor operator*(Operand a, Operand b) { return binary(Op::mul, a, b); }
Tensor operator/(Operand a, Operand b) { return binary(Op::div, a, b); }
Tensor pow(Operand a, Operand b) { return binary(Op::pow, a, b); }
Tensor max(Operand a, Operand b) { return binary(Op::max, a, b); }
Tensor min(Operand a, Operand b) { return binary(Op::min, a, b); }
Tensor rem(Operand a, Operand b) { return binary(Op::rem, a, b); }
Tensor logical_and(Operand a, Operand b) { return binary(Op::logical_and, a, b); }
Tensor logical_or(Operand a, Operand b) { return binary(Op::logical_or, a, b); }
Tensor equal(Operand a, Operand b) { return binary(Op::eq, a, b); }
Tensor not_equal(Operand a, Operand b) {
  const Here where = a.where;
  return logical_not(Operand(binary(Op::eq, a, b), where));
}
Tensor operator<(Operand a, Operand b) { return binary(Op::lt, a, b); }
Tensor operator>(Operand a, Operand b) { return binary(Op::lt, b, a); }
Tensor operator<=(Operand a, Operand b) {
  const Here where = a.where;
  return logical_or(Operand(binary(Op::lt, a, b), where), Operand(binary(Op::eq, a, b), where));
}
Tensor operator>=(Operand a, Operand b) {
  const Here where = a.where;
  return logical_or(Operand(binary(Op::lt, b, a), where), Operand(binary(Op::eq, a, b), where));
}

Tensor select(Operand condition, Operand if_true, Operand if_false) {
  const Builder b = Builder::of({&condition, &if_true, &if_false});
  return b.add(Op::select, NoAttrs{}, align(b, Op::select, {&condition, &if_true, &if_false}, 0));
}

Tensor cast(Operand x, DType dtype) {
  const Builder b(x);
  if (x.tensor->dtype() == dtype) return *x.tensor;
  return b.add(Op::cast, CastAttrs{dtype}, {b.value(*x.tensor)});
}
Tensor bitcast(Operand x, DType dtype) {
  const Builder b(x);
  return b.add(Op::bitcast, CastAttrs{dtype}, {b.value(*x.tensor)});
}

Tensor split(Operand x, const Axis& axis, const Axes& into) {
  const Builder b(x);
  check_axis(b, Op::split, x.tensor->type(), axis);
  Extent known = 1;
  int open = 0;
  for (const Axis& a : into) {
    if (a.extent) known = known * *a.extent;
    else ++open;
  }
  if (open > 1) throw b.error(fmt::format("split of '{}': at most one of {{{}}} may be without a size", axis.name, join(names_of(into))));
  const Extent& whole = x.tensor->extent(axis);
  const auto rest = whole.divided_by(known);
  if (open == 1 && !rest)
    throw b.error(fmt::format("split of '{}': {} is not divisible by {}{}", axis.name, whole.str(), known.str(),
                              whole.is_constant() ? "" : fmt::format("; an input's axis that is may be declared as Axis(\"{}\", {} * Extent::symbol(\"n\"))",
                                                                     axis.name, known.str())));
  SplitAttrs a{axis.name, {}};
  for (const Axis& i : into) a.into.push_back({i.name, i.extent ? *i.extent : *rest});
  return b.add(Op::split, std::move(a), {b.value(*x.tensor)});
}

Tensor merge(Operand x, const Axes& axes, const Axis& into) {
  const Builder b(x);
  for (const Axis& a : axes) check_axis(b, Op::merge, x.tensor->type(), a);
  Tensor out = b.add(Op::merge, MergeAttrs{names_of(axes), into.name}, {b.value(*x.tensor)});
  check_axis(b, Op::merge, out.type(), into);
  return out;
}

Tensor broadcast(Operand x, const std::vector<Dim>& new_dims) {
  const Builder b(x);
  std::vector<Dim> dims = new_dims;
  const auto& own = x.tensor->type().dims;
  dims.insert(dims.end(), own.begin(), own.end());
  return b.add(Op::broadcast, BroadcastAttrs{std::move(dims)}, {b.value(*x.tensor)});
}

Tensor broadcast_like(Operand x, Operand like) {
  want_tensor(Op::broadcast, like, "model");
  const Builder b = Builder::of({&x, &like});
  const Value v = x.tensor ? b.value(*x.tensor) : b.literal(x.literal, like.tensor->dtype());
  const Type from = b.graph->type(v), &to = like.tensor->type();
  for (const Dim& d : from.dims)
    if (!to.has(d.axis))
      throw b.error(fmt::format("broadcast of {{{}}} to {{{}}} would lose '{}'", join(from.axes()), join(to.axes()), d.axis));
  return b.tensor(b.broadcast(v, to.dims));
}

Tensor outer(Operand x, Operand y) {
  const Builder b = Builder::of({&x, &y});
  if (!x.tensor || !y.tensor) return binary(Op::mul, x, y);
  std::vector<Dim> dims = x.tensor->type().dims;
  for (const Dim& d : y.tensor->type().dims)
    if (!x.tensor->type().has(d.axis)) dims.push_back(d);
  return b.add(Op::mul, NoAttrs{}, {b.broadcast(b.value(*x.tensor), dims), b.broadcast(b.value(*y.tensor), dims)});
}

Tensor rename(Operand x, const Axis& from, const Axis& to) {
  const Builder b(x);
  check_axis(b, Op::rename, x.tensor->type(), from);
  if (from.name == to.name) return *x.tensor;
  Tensor out = b.add(Op::rename, RenameAttrs{from.name, to.name}, {b.value(*x.tensor)});
  check_axis(b, Op::rename, out.type(), to);
  return out;
}

Tensor slice(Operand x, const Axis& axis, Extent start, Extent stop, std::int64_t step) {
  return along(Op::slice, x, axis, SliceAttrs{axis.name, std::move(start), std::move(stop), step});
}

Tensor pad(Operand x, const Axis& axis, Extent low, Extent high, Literal value, std::int64_t interior) {
  if (x.tensor && !is_float(x.tensor->dtype())) {
    if (!holds(x.tensor->dtype(), value)) throw Builder(x).error(fmt::format("the literal {} is no {}", value.as_double(), name(x.tensor->dtype())));
    value = Literal(value.as_integer());
  } else {
    value = Literal(value.as_double());
  }
  return along(Op::pad, x, axis, PadAttrs{axis.name, std::move(low), std::move(high), interior, value});
}

Tensor concat(const std::vector<Tensor>& parts, const Axis& axis, Here where) {
  const Builder b = Builder::of(parts, where);
  std::vector<Value> values;
  for (const Tensor& t : parts) values.push_back(b.value(t));
  return b.add(Op::concat, AxisAttrs{axis.name}, std::move(values));
}

Tensor reverse(Operand x, const Axis& axis) { return along(Op::reverse, x, axis, AxisAttrs{axis.name}); }

Tensor order(Operand x, const Axes& axes) {
  const Builder b(x);
  if (x.tensor->type().axes() == names_of(axes)) return *x.tensor;
  return b.add(Op::order, OrderAttrs{names_of(axes)}, {b.value(*x.tensor)});
}

Tensor dot(Operand x, Operand y, const Axes& over, std::optional<DType> result) {
  const Builder b = Builder::of({&x, &y});
  if (!x.tensor || !y.tensor) throw b.error("dot wants two tensors");
  for (const Axis& a : over)
    for (const Operand* o : {&x, &y})
      if (a.extent && o->tensor->has(a) && !(o->tensor->extent(a) == *a.extent) && x.tensor->has(a) && y.tensor->has(a) &&
          x.tensor->extent(a) == y.tensor->extent(a))
        throw b.error(fmt::format("dot over '{}': the axis is declared {}={}, the tensors have {}", a.name, a.name, a.extent->str(),
                                  o->tensor->extent(a).str()));
  return b.add(Op::dot, DotAttrs{names_of(over), result.value_or(x.tensor->dtype())}, {b.value(*x.tensor), b.value(*y.tensor)});
}

namespace {
Tensor reduce(Op op, const Operand& x, const Axes& over) {
  const Builder b(x);
  for (const Axis& a : over) check_axis(b, op, x.tensor->type(), a);
  return b.add(op, ReduceAttrs{names_of(over)}, {b.value(*x.tensor)});
}
}  // namespace

Tensor sum(Operand x, const Axes& over) { return reduce(Op::sum, x, over); }
Tensor reduce_max(Operand x, const Axes& over) { return reduce(Op::reduce_max, x, over); }

Tensor count(Operand x, const Axes& axes, DType dtype) {
  const Builder b(x);
  // The extent as data: one past the last index of an iota over the merged axes, which symbols make known only at run time.
  Extent n = 1;
  for (const Axis& a : axes) {
    check_axis(b, "count", x.tensor->type(), a);
    n = n * x.tensor->extent(a);
  }
  if (const auto c = n.constant()) return b.tensor(b.literal(is_float(dtype) ? Literal(static_cast<double>(*c)) : Literal(*c), dtype));
  Tensor last = b.add(Op::iota, IotaAttrs{Type{DType::i64, {{"count", n + 1}}}}, {});
  last = b.add(Op::slice, SliceAttrs{"count", n, n + 1, 1}, {last.value()});
  last = b.add(Op::sum, ReduceAttrs{{"count"}}, {last.value()});
  return cast(Operand(last, x.where), dtype);
}

Tensor mean(Operand x, const Axes& over) {
  const Here where = x.where;
  const Builder b(x);
  if (!is_float(x.tensor->dtype()))
    throw b.error(fmt::format("mean of {}, whose quotient would be cut off; cast it first", name(x.tensor->dtype())));
  for (const Axis& a : over) check_axis(b, "mean", x.tensor->type(), a);
  // Sums and counts of narrow floats leave their range, or its whole numbers.
  const bool narrow = size_of(x.tensor->dtype()) < size_of(DType::f32);
  const Tensor total = narrow ? sum({cast(x, DType::f32), where}, over) : sum(x, over);
  const Tensor out = Operand(total, where) / Operand(count(x, over, total.dtype()), where);
  return narrow ? cast({out, where}, x.tensor->dtype()) : out;
}

Tensor argmax(Operand x, const Axis& axis) { return along(Op::argmax, x, axis, AxisAttrs{axis.name}); }
Tensor cumsum(Operand x, const Axis& axis, bool reverse) { return along(Op::cumsum, x, axis, CumsumAttrs{axis.name, reverse}); }

Tensor gather(Operand data, Operand indices, const Axis& axis) {
  want_tensor(Op::gather, data, "data");
  const Builder b = Builder::of({&data, &indices});
  check_axis(b, Op::gather, data.tensor->type(), axis);
  const Value at = indices.tensor ? b.value(*indices.tensor) : b.literal(indices.literal, DType::i32);
  return b.add(Op::gather, AxisAttrs{axis.name}, {b.value(*data.tensor), at});
}

Tensor scatter_add(Operand base, Operand indices, Operand updates, const Axis& axis) {
  want_tensor(Op::scatter_add, base, "base");
  want_tensor(Op::scatter_add, indices, "indices");
  want_tensor(Op::scatter_add, updates, "updates");
  const Builder b = Builder::of({&base, &indices, &updates});
  check_axis(b, Op::scatter_add, base.tensor->type(), axis);
  return b.add(Op::scatter_add, AxisAttrs{axis.name}, {b.value(*base.tensor), b.value(*indices.tensor), b.value(*updates.tensor)});
}

Tensor dynamic_slice(Operand x, Operand start, const Axis& axis, Extent size) {
  want_tensor(Op::dynamic_slice, x, "operand");
  const Builder b = Builder::of({&x, &start});
  check_axis(b, Op::dynamic_slice, x.tensor->type(), axis);
  const Value s = start.tensor ? b.value(*start.tensor) : b.literal(start.literal, DType::i64);
  return b.add(Op::dynamic_slice, DynamicSliceAttrs{axis.name, std::move(size)}, {b.value(*x.tensor), s});
}

Tensor dynamic_update(Operand x, Operand update, Operand start, const Axis& axis) {
  want_tensor(Op::dynamic_update, x, "operand");
  want_tensor(Op::dynamic_update, update, "update");
  const Builder b = Builder::of({&x, &update, &start});
  const Value s = start.tensor ? b.value(*start.tensor) : b.literal(start.literal, DType::i64);
  return b.add(Op::dynamic_update, AxisAttrs{axis.name}, {b.value(*x.tensor), b.value(*update.tensor), s});
}

TopK top_k(Operand x, const Axis& axis, std::int64_t k, const Axis& into) {
  const Builder b(x);
  check_axis(b, Op::top_k, x.tensor->type(), axis);
  const Tensor t = b.add(Op::top_k, TopKAttrs{axis.name, k, into.name}, {b.value(*x.tensor)});
  return {t, b.tensor({t.value().node, 1})};
}

Tensor constant(const Graph& graph, Literal value, DType dtype, Here where) {
  const Builder b(graph.shared(), where);
  return b.tensor(b.literal(value, dtype));
}

Tensor constant(const Graph& graph, std::vector<Literal> values, DType dtype, const Axes& axes, Here where) {
  const Builder b(graph.shared(), where);
  Type type{dtype, {}};
  for (const Axis& a : axes) {
    if (!a.extent) throw b.error(fmt::format("constant needs a size for axis '{}'", a.name));
    type.dims.push_back({a.name, *a.extent});
  }
  for (Literal& v : values) {
    if (!holds(dtype, v)) throw b.error(fmt::format("the literal {} is no {}", v.as_double(), name(dtype)));
    v = is_float(dtype) ? Literal(v.as_double()) : Literal(v.as_integer());
  }
  return b.add(Op::constant, ConstantAttrs{std::move(type), std::move(values)}, {});
}

Tensor iota(const Graph& graph, const Axis& axis, DType dtype, Here where) {
  const Builder b(graph.shared(), where);
  return b.add(Op::iota, IotaAttrs{Type{dtype, {{axis.name, axis.extent.value_or(Extent::symbol(axis.name))}}}}, {});
}

Tensor one_hot(Operand indices, const Axis& axis, DType dtype) {
  const Builder b(indices);
  if (!axis.extent) throw b.error(fmt::format("one_hot needs a size for axis '{}'", axis.name));
  if (is_float(indices.tensor->dtype()) || indices.tensor->dtype() == DType::boolean)
    throw b.error(fmt::format("one_hot wants integer indices, not {}", indices.tensor->type().str()));
  const ProvenanceGuard guard(*b.graph, b.origin);
  const DType counting = indices.tensor->dtype() == DType::i64 ? DType::i64 : DType::i32;  // narrow ones would wrap
  const Tensor wide = broadcast(cast(*indices.tensor, counting), {{axis.name, *axis.extent}});
  return cast(equal(wide, iota(indices.tensor->graph(), axis, counting)), dtype);
}

Tensor stack(const std::vector<Tensor>& parts, const Axis& axis, Here where) {
  const Builder b = Builder::of(parts, where);
  const ProvenanceGuard guard(*b.graph, b.origin);
  std::vector<Tensor> wide;
  for (const Tensor& part : parts) wide.push_back(broadcast(part, {{axis.name, 1}}));
  const Tensor all = concat(wide, axis.name);
  if (axis.extent && !(*axis.extent == all.extent(axis)))
    throw b.error(fmt::format("stack of {} along '{}', which has {}={}", parts.size(), axis.name, axis.name, axis.extent->str()));
  return all;
}

Tensor iota(Operand like, const Axis& axis, DType dtype) {
  const Builder b(like);
  check_axis(b, Op::iota, like.tensor->type(), axis);
  return b.add(Op::iota, IotaAttrs{Type{dtype, {{axis.name, like.tensor->extent(axis)}}}}, {});
}

Tensor full_like(Operand like, Literal value) {
  const Builder b(like);
  return b.tensor(b.broadcast(b.literal(value, like.tensor->dtype()), like.tensor->type().dims));
}

Tensor tag(Operand x, const std::string& name) {
  const Builder b(x);
  return b.add(Op::tag, TagAttrs{name}, {b.value(*x.tensor)});
}

Tensor Tensor::watch(const std::string& name, std::source_location where) const {
  if (graph_->is_body)
    throw Error(fmt::format("{}:{}: '{}' is inside a scan, cond or composite, whose values no run gives out; let the body return it and watch it outside",
                            base_name(where.file_name()), where.line(), name));
  const Tensor named = tag(Operand(*this, where), name);
  graph_->add_output(name, named.value());
  return named;
}

namespace {

// In the scope's graph, or in one inside it.
Tensor draw(const Scope& scope, const std::string& name, const Type& type, const std::shared_ptr<GraphData>* place, Here where) {
  Graph graph = scope.graph();
  const ProvenanceId origin = scope.origin(where);
  const std::string key = scope.path_of(name);
  GraphData& outermost = graph->outermost();
  const ProvenanceGuard guard(outermost, origin);
  for (const GraphData* known : {&outermost, &graph.data()})
    if (const auto it = known->draws().find(key); it != known->draws().end())
      throw Error(fmt::format("{}: random numbers named '{}' are already drawn at {}", graph->provenance().brief(origin), key,
                              graph->provenance().brief(it->second)));
  outermost.note_draw(key, origin);
  // Every turn of a scan draws anew, so it draws inside, wherever the scope comes from.
  std::shared_ptr<GraphData> inside = graph.shared();
  if (!outermost.open_scans.empty() && outermost.open_scans.back()->is_inside(graph.data())) inside = outermost.open_scans.back();
  if (place && (*place)->is_inside(*inside)) inside = *place;
  Graph outer(outermost.shared_from_this());
  ValueList operands{inside->adopt(outermost, outer.seed(where).value()), inside->adopt(outermost, outer.step(where).value())};
  for (const auto& body : outermost.open_scans)  // outermost first
    if (inside->is_inside(*body)) operands.push_back(inside->adopt(*body, *body->scan_index));
  return {inside, {inside->add(Op::random_bits, RandomBitsAttrs{key, type.with_dtype(DType::i32)}, std::move(operands), origin), 0}};
}

}  // namespace

Tensor random_bits(const Scope& scope, const std::string& name, const Type& type, Here where) { return draw(scope, name, type, nullptr, where); }
Tensor random_bits(const Scope& scope, const std::string& name, const Tensor& like, Here where) {
  return draw(scope, name, like.type(), &like.shared_graph(), where);
}

}  // namespace uwaga
