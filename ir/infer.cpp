#include <uwaga/ir/detail/type_row.h>

#include <fmt/format.h>

#include <algorithm>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/unlike_sizes.h>

namespace uwaga {
namespace {

using Types = TypeList;
using Operands = std::span<const Type>;

std::string set_of(const Type& t) { return fmt::format("{{{}}}", join(t.axes())); }
std::string set_of(const AxisNames& names) { return fmt::format("{{{}}}", join(names)); }

const Dim& dim_of(Op op, const Type& t, const std::string& axis, const char* which = "its operand") {
  const Dim* d = t.find(axis);
  if (!d) throw Error(fmt::format("{} over '{}': {} has only {}", name(op), axis, which, set_of(t)));
  return *d;
}

// Names that the text form can hold, and sizes that there are, checked where an op brings them in.
void want_names(Op op, const std::vector<Dim>& dims) {
  for (const Dim& d : dims) {
    if (!is_axis_name(d.axis))
      throw Error(fmt::format("{}: '{}' is no axis name: letters, digits, '_' and '.', a letter or '_' first", name(op),
                              d.axis));
    if (const auto n = d.extent.constant(); n && *n < 0) throw Error(fmt::format("{}: {}={}: an axis has 0 elements or more", name(op), d.axis, *n));
  }
}

void want_distinct(Op op, const Type& t) {
  for (std::size_t i = 0; i < t.dims.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (t.dims[i].axis == t.dims[j].axis)
        throw Error(fmt::format("{} would give a tensor with axis '{}' twice", name(op), t.dims[i].axis));
}

void want_float(Op op, const Type& t) {
  if (!is_float(t.dtype)) throw Error(fmt::format("{} wants a floating dtype, not {}", name(op), name(t.dtype)));
}
void want_number(Op op, const Type& t) {
  if (t.dtype == DType::boolean) throw Error(fmt::format("{} wants numbers, not bool", name(op)));
}
void want_index(Op op, const Type& t) {
  if (t.dtype != DType::i32 && t.dtype != DType::i64)
    throw Error(fmt::format("{} wants i32 or i64 indices, not {}", name(op), name(t.dtype)));
}

// Floating dtypes hold doubles, the others integers in their range.
void want_literal(Op op, const Literal& v, DType dtype) {
  if (v.is_integer() == is_float(dtype) || !holds(dtype, v))
    throw Error(fmt::format("{}: {} is no {}", name(op),
                            v.is_integer() ? fmt::format("{}", v.as_integer()) : fmt::format("{}", v.as_double()),
                            name(dtype)));
}

void want_aligned(Op op, const Type& a, const Type& b) {
  if (a.dims.shares(b.dims)) return;
  for (const Dim& d : a.dims) {
    const Dim* other = b.find(d.axis);
    if (other && other->extent != d.extent) throw Error(fmt::format("{}: {}", name(op), unlike_sizes("left", d, "right", *other)));
  }
  if (!same_axes(a, b)) throw Error(fmt::format("{}: left has axes {}, right has {}", name(op), set_of(a), set_of(b)));
}

void want_same_dtype(Op op, const Type& a, const Type& b) {
  if (a.dtype != b.dtype)
    throw Error(fmt::format("{}: left is {}, right is {}; cast one of them", name(op), name(a.dtype), name(b.dtype)));
}

// ---- one rule a family

template <typename A>
Types from_attribute(Op op, const Attributes& a, Operands) {
  const Type& t = std::get<A>(a).type;
  want_names(op, t.dims);
  want_distinct(op, t);
  return {t};
}

// What a slot starts with may be left out.
Types parameter_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<ParameterAttrs>(attributes);
  Types own = from_attribute<ParameterAttrs>(op, attributes, in);
  if (!a.initial || a.initial->nodes().empty()) return own;
  const auto& outputs = a.initial->outputs();
  if (outputs.size() != 1 || !same_type(a.initial->type(outputs[0].value), a.type))
    throw Error(fmt::format("{} '{}' is {}, and its first value {}", name(op), a.path, a.type.str(),
                            outputs.size() == 1 ? a.initial->type(outputs[0].value).str() : fmt::format("a graph of {} outputs", outputs.size())));
  return own;
}

Types constant_rule(Op op, const Attributes& attributes, Operands) {
  const auto& a = std::get<ConstantAttrs>(attributes);
  want_names(op, a.type.dims);
  want_distinct(op, a.type);
  for (const Literal& v : a.values) want_literal(op, v, a.type.dtype);
  const auto n = a.type.elements().constant();
  if (!(a.values.size() == 1 || (n && static_cast<std::size_t>(*n) == a.values.size())))
    throw Error(
        fmt::format("{} of {} elements is given {} values", name(op), a.type.elements().str(), a.values.size()));
  return {a.type};
}

Types iota_rule(Op op, const Attributes& attributes, Operands) {
  const Type& t = std::get<IotaAttrs>(attributes).type;
  want_names(op, t.dims);
  if (t.rank() != 1) throw Error(fmt::format("{} wants one axis, not {}", name(op), set_of(t)));
  want_number(op, t);
  return {t};
}

Types random_bits_rule(Op op, const Attributes& attributes, Operands in) {
  const Type& t = std::get<RandomBitsAttrs>(attributes).type;
  want_names(op, t.dims);
  want_distinct(op, t);
  if (t.dtype != DType::i32) throw Error(fmt::format("{} gives i32, not {}", name(op), name(t.dtype)));
  if (in.size() < 2) throw Error(fmt::format("{} wants seed and step", name(op)));
  for (const Type& i : in)
    if (i != Type{DType::i64, {}}) throw Error(fmt::format("{} wants i64 scalars, not {}", name(op), i.str()));
  return {t};
}

Types unary_float(Op op, const Attributes&, Operands in) { want_float(op, in[0]); return {in[0]}; }
Types unary_number(Op op, const Attributes&, Operands in) { want_number(op, in[0]); return {in[0]}; }
Types unary_bool(Op op, const Attributes&, Operands in) {
  if (in[0].dtype != DType::boolean) throw Error(fmt::format("{} wants bool, not {}", name(op), name(in[0].dtype)));
  return {in[0]};
}

Types binary_number(Op op, const Attributes&, Operands in) {
  want_aligned(op, in[0], in[1]);
  want_same_dtype(op, in[0], in[1]);
  want_number(op, in[0]);
  return {in[0]};
}
Types binary_float(Op op, const Attributes& a, Operands in) { want_float(op, in[0]); return binary_number(op, a, in); }
Types binary_bool(Op op, const Attributes&, Operands in) {
  want_aligned(op, in[0], in[1]);
  for (const Type& t : in)
    if (t.dtype != DType::boolean) throw Error(fmt::format("{} wants bool, not {}", name(op), name(t.dtype)));
  return {in[0]};
}
Types compare(Op op, const Attributes&, Operands in) {
  want_aligned(op, in[0], in[1]);
  want_same_dtype(op, in[0], in[1]);
  return {in[0].with_dtype(DType::boolean)};
}

Types select_rule(Op op, const Attributes&, Operands in) {
  if (in[0].dtype != DType::boolean)
    throw Error(fmt::format("{} wants a bool condition, not {}", name(op), name(in[0].dtype)));
  want_aligned(op, in[1], in[2]);
  want_same_dtype(op, in[1], in[2]);
  want_aligned(op, in[0], in[1]);
  return {in[1]};
}

Types cast_rule(Op, const Attributes& a, Operands in) { return {in[0].with_dtype(std::get<CastAttrs>(a).dtype)}; }
Types bitcast_rule(Op op, const Attributes& a, Operands in) {
  const DType to = std::get<CastAttrs>(a).dtype;
  if (size_of(to) != size_of(in[0].dtype))
    throw Error(fmt::format("{} from {} to {}: sizes differ", name(op), name(in[0].dtype), name(to)));
  return {in[0].with_dtype(to)};
}

Types split_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<SplitAttrs>(attributes);
  const Dim& d = dim_of(op, in[0], a.axis);
  Extent product = 1;
  for (const Dim& i : a.into) product = product * i.extent;
  if (product != d.extent)
    throw Error(fmt::format("{}: {}={} cannot become {} = {}", name(op), a.axis, d.extent.str(),
                            Type{in[0].dtype, a.into}.str().substr(name(in[0].dtype).size()), product.str()));
  Type t{in[0].dtype, {}};
  for (const Dim& i : in[0].dims) {
    if (i.axis != a.axis) t.dims.push_back(i);
    else for (const Dim& part : a.into) t.dims.push_back(part);
  }
  want_names(op, a.into);
  want_distinct(op, t);
  return {t};
}

Types merge_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<MergeAttrs>(attributes);
  if (a.axes.empty()) throw Error(fmt::format("{} wants at least one axis", name(op)));
  Extent product = 1;
  for (const std::string& axis : a.axes) product = product * dim_of(op, in[0], axis).extent;
  Type t{in[0].dtype, {}};
  for (const Dim& i : in[0].dims) {
    if (i.axis == a.axes.front()) t.dims.push_back({a.into, product});
    else if (std::find(a.axes.begin(), a.axes.end(), i.axis) == a.axes.end()) t.dims.push_back(i);
  }
  want_names(op, {{a.into, 0}});
  want_distinct(op, t);
  return {t};
}

Types broadcast_rule(Op op, const Attributes& attributes, Operands in) {
  Type t{in[0].dtype, std::get<BroadcastAttrs>(attributes).dims};
  want_names(op, t.dims);
  want_distinct(op, t);
  for (const Dim& d : in[0].dims) {
    const Dim* to = t.find(d.axis);
    if (!to) throw Error(fmt::format("{} to axes {} would lose '{}'", name(op), set_of(t), d.axis));
    if (to->extent != d.extent)
      throw Error(fmt::format("{}: the tensor has {}={}, the result {}={}", name(op), d.axis, d.extent.str(), d.axis,
                              to->extent.str()));
  }
  return {t};
}

Types rename_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<RenameAttrs>(attributes);
  dim_of(op, in[0], a.from);
  Type t = in[0];
  for (Dim& d : t.dims.edit())
    if (d.axis == a.from) d.axis = a.to;
  want_names(op, {{a.to, 0}});
  want_distinct(op, t);
  return {t};
}

void want_not_negative(Op op, const Extent& e, const char* what) {
  if (const auto c = e.constant(); c && *c < 0) throw Error(fmt::format("{}: {} is {}", name(op), what, *c));
}

Types slice_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<SliceAttrs>(attributes);
  const Dim& d = dim_of(op, in[0], a.axis);
  if (a.step <= 0) throw Error(fmt::format("{} of '{}' wants a step of 1 or more, not {}", name(op), a.axis, a.step));
  want_not_negative(op, a.start, "start");
  want_not_negative(op, a.stop - a.start, "stop - start");
  const auto room = (d.extent - a.stop).constant();
  if (room && *room < 0)
    throw Error(fmt::format("{} of '{}' stops at {} of {}", name(op), a.axis, a.stop.str(), d.extent.str()));
  const Extent length = a.stop - a.start;
  Extent out = length;
  if (a.step != 1) {
    if (const auto c = length.constant())
      out = *c / a.step + (*c % a.step != 0);
    else if (const auto q = length.divided_by(a.step)) out = *q;
    else throw Error(fmt::format("{} of '{}': {} elements in steps of {} is no extent", name(op), a.axis, length.str(), a.step));
  }
  Type t = in[0];
  for (Dim& i : t.dims.edit())
    if (i.axis == a.axis) i.extent = out;
  return {t};
}

Types pad_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<PadAttrs>(attributes);
  const Dim& d = dim_of(op, in[0], a.axis);
  want_literal(op, a.value, in[0].dtype);
  want_not_negative(op, a.low, "low");
  want_not_negative(op, a.high, "high");
  if (a.interior < 0) throw Error(fmt::format("{}: interior is {}", name(op), a.interior));
  Extent inner = d.extent;
  if (a.interior > 0) {
    const auto c = d.extent.constant();
    inner = c && *c == 0 ? Extent(0) : d.extent + Extent(a.interior) * (d.extent - 1);
  }
  Type t = in[0];
  for (Dim& i : t.dims.edit())
    if (i.axis == a.axis) i.extent = a.low + inner + a.high;
  return {t};
}

Types concat_rule(Op op, const Attributes& attributes, Operands in) {
  const std::string& axis = std::get<AxisAttrs>(attributes).axis;
  if (in.empty()) throw Error(fmt::format("{} wants at least one tensor", name(op)));
  Type t = in[0];
  Extent total = 0;
  for (const Type& part : in) {
    total = total + dim_of(op, part, axis).extent;
    want_same_dtype(op, in[0], part);
    want_aligned(op, in[0].without({axis}), part.without({axis}));
  }
  for (Dim& d : t.dims.edit())
    if (d.axis == axis) d.extent = total;
  return {t};
}

Types reverse_rule(Op op, const Attributes& a, Operands in) { dim_of(op, in[0], std::get<AxisAttrs>(a).axis); return {in[0]}; }

Types order_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& axes = std::get<OrderAttrs>(attributes).axes;
  Type t{in[0].dtype, {}};
  for (const std::string& axis : axes) t.dims.push_back(dim_of(op, in[0], axis));
  want_distinct(op, t);
  if (t.rank() != in[0].rank())
    throw Error(fmt::format("{} to {} leaves out some of {}", name(op), set_of(axes), set_of(in[0])));
  return {t};
}

Types dot_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<DotAttrs>(attributes);
  const Type &l = in[0], &r = in[1];
  const auto over = [&] { return fmt::format("{} over {}", name(op), set_of(a.over)); };
  for (std::size_t i = 0; i < a.over.size(); ++i) {
    const std::string& axis = a.over[i];
    if (std::count(a.over.begin(), a.over.end(), axis) != 1)
      throw Error(fmt::format("{}: '{}' is named twice", over(), axis));
    if (!l.has(axis)) throw Error(fmt::format("{}: left has only {}", over(), set_of(l)));
    if (!r.has(axis)) throw Error(fmt::format("{}: right has only {}", over(), set_of(r)));
  }
  for (const Dim& d : l.dims)
    if (const Dim* e = r.find(d.axis))
      if (e->extent != d.extent) throw Error(fmt::format("{}: {}", over(), unlike_sizes("left", d, "right", *e)));
  want_same_dtype(op, l, r);
  want_number(op, l);
  if (!(a.dtype == l.dtype || (is_float(l.dtype) && a.dtype == DType::f32) ||
        (l.dtype == DType::i8 && a.dtype == DType::i32)))
    throw Error(fmt::format("{}: {} operands cannot give {}", over(), name(l.dtype), name(a.dtype)));
  Type t = l.without(a.over);
  t.dtype = a.dtype;
  for (const Dim& d : r.without(a.over).dims)
    if (!t.has(d.axis)) t.dims.push_back(d);
  return {t};
}

Types reduce_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& over = std::get<ReduceAttrs>(attributes).over;
  for (std::size_t i = 0; i < over.size(); ++i) {
    dim_of(op, in[0], over[i]);
    if (std::count(over.begin(), over.end(), over[i]) != 1)
      throw Error(fmt::format("{}: '{}' is named twice", name(op), over[i]));
  }
  want_number(op, in[0]);
  return {in[0].without(over)};
}

Types argmax_rule(Op op, const Attributes& attributes, Operands in) {
  const std::string& axis = std::get<AxisAttrs>(attributes).axis;
  const auto c = dim_of(op, in[0], axis).extent.constant();
  if (c && *c <= 0) throw Error(fmt::format("{} over '{}' wants at least one element", name(op), axis));
  want_number(op, in[0]);
  return {in[0].without({axis}).with_dtype(DType::i32)};
}

Types cumsum_rule(Op op, const Attributes& a, Operands in) {
  dim_of(op, in[0], std::get<CumsumAttrs>(a).axis);
  want_number(op, in[0]);
  return {in[0]};
}

// Axes of what gather gives: those of the indices, then those of data without `axis`; common ones must agree.
Type gathered(Op op, const Type& data, const Type& indices, const std::string& axis) {
  dim_of(op, data, axis, "the data");
  if (indices.has(axis))
    throw Error(fmt::format("{} over '{}': the indices have that axis too; rename it", name(op), axis));
  want_index(op, indices);
  Type t = indices.with_dtype(data.dtype);
  for (const Dim& d : data.dims) {
    if (d.axis == axis) continue;
    if (const Dim* i = indices.find(d.axis)) {
      if (i->extent != d.extent)
        throw Error(fmt::format("{} over '{}': {}", name(op), axis, unlike_sizes("the data", d, "the index", *i)));
    } else {
      t.dims.push_back(d);
    }
  }
  return t;
}

Types gather_rule(Op op, const Attributes& a, Operands in) { return {gathered(op, in[0], in[1], std::get<AxisAttrs>(a).axis)}; }

Types scatter_add_rule(Op op, const Attributes& a, Operands in) {
  const Type updates = gathered(op, in[0], in[1], std::get<AxisAttrs>(a).axis);
  if (!same_type(updates, in[2]))
    throw Error(fmt::format("{}: updates are {} instead of {}", name(op), in[2].str(), updates.str()));
  return {in[0]};
}

Types dynamic_slice_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<DynamicSliceAttrs>(attributes);
  const Extent& whole = dim_of(op, in[0], a.axis).extent;
  want_index(op, in[1]);
  if (in[1].rank() != 0) throw Error(fmt::format("{} wants a scalar start, not {}", name(op), in[1].str()));
  want_not_negative(op, whole - a.size, "the room left");
  Type t = in[0];
  for (Dim& d : t.dims.edit())
    if (d.axis == a.axis) d.extent = a.size;
  return {t};
}

Types dynamic_update_rule(Op op, const Attributes& attributes, Operands in) {
  const std::string& axis = std::get<AxisAttrs>(attributes).axis;
  const Extent& whole = dim_of(op, in[0], axis).extent;
  const Extent& part = dim_of(op, in[1], axis, "the update").extent;
  want_same_dtype(op, in[0], in[1]);
  want_aligned(op, in[0].without({axis}), in[1].without({axis}));
  want_index(op, in[2]);
  if (in[2].rank() != 0) throw Error(fmt::format("{} wants a scalar start, not {}", name(op), in[2].str()));
  want_not_negative(op, whole - part, "the room left");
  return {in[0]};
}

Types top_k_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<TopKAttrs>(attributes);
  const auto n = dim_of(op, in[0], a.axis).extent.constant();
  if (a.k < 1 || (n && a.k > *n))
    throw Error(fmt::format("{} over '{}': k is {} and {} is {}", name(op), a.axis, a.k, a.axis, in[0].extent(a.axis).str()));
  want_number(op, in[0]);
  Type t = in[0];
  for (Dim& d : t.dims.edit())
    if (d.axis == a.axis) d = {a.into, a.k};
  want_names(op, {{a.into, 0}});
  want_distinct(op, t);
  return {t, t.with_dtype(DType::i32)};
}

Types body_types(const Graph& body) {
  Types out;
  for (const Output& o : body->outputs()) out.push_back(body->type(o.value));
  return out;
}

void want_body_inputs(Op op, const Graph& body, const Types& given) {
  const auto& inputs = body->inputs();
  if (inputs.size() != given.size())
    throw Error(fmt::format("{}: the body takes {} values and is given {}", name(op), inputs.size(), given.size()));
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Type& t = body->node(inputs[i]).types[0];
    if (!same_type(t, given[i]))
      throw Error(
          fmt::format("{}: the body takes {} as value {} and is given {}", name(op), t.str(), i, given[i].str()));
  }
}

Types scan_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<ScanAttrs>(attributes);
  if (a.carries < 0 || a.slices < 0)
    throw Error(fmt::format("{} over '{}': {} carries and {} slices", name(op), a.axis, a.carries, a.slices));
  if (const auto n = a.length.constant(); n && *n < 0) throw Error(fmt::format("{} over {}={}: an axis has 0 elements or more", name(op), a.axis, *n));
  const auto carries = static_cast<std::size_t>(a.carries), slices = static_cast<std::size_t>(a.slices);
  if (carries > in.size() || slices > in.size() - carries)
    throw Error(fmt::format("{} over '{}' lacks operands", name(op), a.axis));
  Types given(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(carries));
  for (std::size_t i = 0; i < slices; ++i) {
    const Type& t = in[carries + i];
    if (dim_of(op, t, a.axis).extent != a.length)
      throw Error(fmt::format("{} over {}={}: a slice has {}={}", name(op), a.axis, a.length.str(), a.axis,
                              t.extent(a.axis).str()));
    given.push_back(t.without({a.axis}));
  }
  given.push_back({DType::i64, {}});
  for (std::size_t i = carries + slices; i < in.size(); ++i) given.push_back(in[i]);
  want_body_inputs(op, a.body, given);
  Types out = body_types(a.body);
  if (out.size() < carries)
    throw Error(
        fmt::format("{} over '{}': the body gives {} values for {} carries", name(op), a.axis, out.size(), carries));
  for (std::size_t i = 0; i < carries; ++i)
    if (!same_type(out[i], in[i]))
      throw Error(fmt::format("{} over '{}': carry {} starts as {} and comes back as {}", name(op), a.axis, i,
                              in[i].str(), out[i].str()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i < carries) {
      out[i] = in[i];
    } else {
      if (out[i].has(a.axis))
        throw Error(fmt::format("{} over '{}': output {} has that axis already", name(op), a.axis, i - carries));
      auto& dims = out[i].dims.edit();
      dims.insert(dims.begin(), {a.axis, a.length});
    }
  }
  return out;
}

Types cond_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<CondAttrs>(attributes);
  if (in.empty() || in[0] != Type{DType::boolean, {}}) throw Error(fmt::format("{} wants a bool scalar", name(op)));
  const Types given(in.begin() + 1, in.end());
  want_body_inputs(op, a.then_body, given);
  want_body_inputs(op, a.else_body, given);
  const Types yes = body_types(a.then_body), no = body_types(a.else_body);
  if (yes.size() != no.size())
    throw Error(fmt::format("{}: one branch gives {} values, the other {}", name(op), yes.size(), no.size()));
  for (std::size_t i = 0; i < yes.size(); ++i)
    if (!same_type(yes[i], no[i]))
      throw Error(fmt::format("{}: one branch gives {}, the other {}", name(op), yes[i].str(), no[i].str()));
  return yes;
}

Types call_rule(Op op, const Attributes& attributes, Operands in) {
  const auto& a = std::get<CallAttrs>(attributes);
  if (!a.composite) throw Error(fmt::format("{} names no composite", name(op)));
  want_body_inputs(op, a.body, Types(in.begin(), in.end()));
  return body_types(a.body);
}

Types identity(Op, const Attributes&, Operands in) { return {in[0]}; }

const std::array<TypeRow, kOps>& type_table() {
  static const std::array<TypeRow, kOps> table = {{
      {Op::input, 0, InputAttrs{}, from_attribute<InputAttrs>},
      {Op::parameter, 0, ParameterAttrs{}, parameter_rule},
      {Op::constant, 0, ConstantAttrs{}, constant_rule},
      {Op::iota, 0, IotaAttrs{}, iota_rule},
      {Op::random_bits, -1, RandomBitsAttrs{}, random_bits_rule},
      {Op::neg, 1, NoAttrs{}, unary_number},
      {Op::abs, 1, NoAttrs{}, unary_number},
      {Op::exp, 1, NoAttrs{}, unary_float},
      {Op::log, 1, NoAttrs{}, unary_float},
      {Op::log1p, 1, NoAttrs{}, unary_float},
      {Op::sqrt, 1, NoAttrs{}, unary_float},
      {Op::rsqrt, 1, NoAttrs{}, unary_float},
      {Op::sin, 1, NoAttrs{}, unary_float},
      {Op::cos, 1, NoAttrs{}, unary_float},
      {Op::tanh, 1, NoAttrs{}, unary_float},
      {Op::erf, 1, NoAttrs{}, unary_float},
      {Op::sigmoid, 1, NoAttrs{}, unary_float},
      {Op::floor, 1, NoAttrs{}, unary_float},
      {Op::logical_not, 1, NoAttrs{}, unary_bool},
      {Op::add, 2, NoAttrs{}, binary_number},
      {Op::sub, 2, NoAttrs{}, binary_number},
      {Op::mul, 2, NoAttrs{}, binary_number},
      {Op::div, 2, NoAttrs{}, binary_number},
      {Op::pow, 2, NoAttrs{}, binary_float},
      {Op::max, 2, NoAttrs{}, binary_number},
      {Op::min, 2, NoAttrs{}, binary_number},
      {Op::rem, 2, NoAttrs{}, binary_number},
      {Op::logical_and, 2, NoAttrs{}, binary_bool},
      {Op::logical_or, 2, NoAttrs{}, binary_bool},
      {Op::eq, 2, NoAttrs{}, compare},
      {Op::lt, 2, NoAttrs{}, compare},
      {Op::select, 3, NoAttrs{}, select_rule},
      {Op::cast, 1, CastAttrs{}, cast_rule},
      {Op::bitcast, 1, CastAttrs{}, bitcast_rule},
      {Op::split, 1, SplitAttrs{}, split_rule},
      {Op::merge, 1, MergeAttrs{}, merge_rule},
      {Op::broadcast, 1, BroadcastAttrs{}, broadcast_rule},
      {Op::rename, 1, RenameAttrs{}, rename_rule},
      {Op::slice, 1, SliceAttrs{}, slice_rule},
      {Op::pad, 1, PadAttrs{}, pad_rule},
      {Op::concat, -1, AxisAttrs{}, concat_rule},
      {Op::reverse, 1, AxisAttrs{}, reverse_rule},
      {Op::order, 1, OrderAttrs{}, order_rule},
      {Op::dot, 2, DotAttrs{}, dot_rule},
      {Op::sum, 1, ReduceAttrs{}, reduce_rule},
      {Op::reduce_max, 1, ReduceAttrs{}, reduce_rule},
      {Op::argmax, 1, AxisAttrs{}, argmax_rule},
      {Op::cumsum, 1, CumsumAttrs{}, cumsum_rule},
      {Op::gather, 2, AxisAttrs{}, gather_rule},
      {Op::scatter_add, 3, AxisAttrs{}, scatter_add_rule},
      {Op::dynamic_slice, 2, DynamicSliceAttrs{}, dynamic_slice_rule},
      {Op::dynamic_update, 3, AxisAttrs{}, dynamic_update_rule},
      {Op::top_k, 1, TopKAttrs{}, top_k_rule},
      {Op::scan, -1, ScanAttrs{}, scan_rule},
      {Op::cond, -1, CondAttrs{}, cond_rule},
      {Op::call, -1, CallAttrs{}, call_rule},
      {Op::stop_gradient, 1, NoAttrs{}, identity},
      {Op::tag, 1, TagAttrs{}, identity},
  }};
  static_assert(table.size() == kOps, "every op has a type rule");
  return table;
}

}  // namespace

const TypeRow& type_row(Op op) { return type_table()[static_cast<std::size_t>(op)]; }

}  // namespace uwaga
