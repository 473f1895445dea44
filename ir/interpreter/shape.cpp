// Ops that only move elements: where each output element is read from, or each input element written to.
#include <fmt/format.h>

#include <algorithm>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

Dense relabelled(const Dense& x, const ArrayDims& dims) {
  check_internal(elements(x.dims) == elements(dims), "a reshape changed the number of elements");
  Dense out = x;
  out.dims = dims;
  return out;
}

}  // namespace

Values identity_value(const Site&, Operands x) { return {*x[0]}; }

// The new axes stand where the old one was, the slowest first, so the elements stay where they are.
Values split_value(const Site& site, Operands x) {
  const auto& a = site.node.as<SplitAttrs>();
  std::int64_t product = 1;
  for (const Dim& d : a.into) product *= site.size(d.extent);
  const std::int64_t whole = x[0]->extent(a.axis);
  if (product != whole) throw site.error(fmt::format("of {}={} gives {} elements", a.axis, whole, product));
  return {relabelled(*x[0], site.dims[0])};
}

Values merge_value(const Site& site, Operands x) {
  const auto& merged = site.node.as<MergeAttrs>().axes;
  ArrayDims beside;  // the merged axes brought together where the first of them stands
  for (const ArrayDim& d : x[0]->dims) {
    if (d.axis == merged.front())
      for (const ArrayDim& m : dims_along(*x[0], merged)) beside.push_back(m);
    else if (std::find(merged.begin(), merged.end(), d.axis) == merged.end()) beside.push_back(d);
  }
  return {relabelled(in_order(*x[0], beside), site.dims[0])};
}

Values broadcast_value(const Site& site, Operands x) { return {read_strided(*x[0], site.dims[0], 0, x[0]->strides(site.dims[0]))}; }

Values rename_value(const Site& site, Operands x) { return {relabelled(*x[0], site.dims[0])}; }

Values slice_value(const Site& site, Operands x) {
  const auto& a = site.node.as<SliceAttrs>();
  const std::int64_t start = site.size(a.start), stop = site.size(a.stop), whole = x[0]->extent(a.axis);
  if (start < 0 || stop < start || stop > whole) throw site.error(fmt::format("of {}={} from {} to {}", a.axis, whole, start, stop));
  Indices strides = x[0]->strides(site.dims[0]);
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (site.dims[0][i].axis == a.axis) strides[i] *= a.step;
  return {read_strided(*x[0], site.dims[0], start * x[0]->stride(a.axis), strides)};
}

Values pad_value(const Site& site, Operands x) {
  const auto& a = site.node.as<PadAttrs>();
  const std::int64_t low = site.size(a.low), high = site.size(a.high);
  if (low < 0 || high < 0) throw site.error(fmt::format("of '{}' by {} before and {} after", a.axis, low, high));
  Dense out(x[0]->dtype, site.dims[0]);
  std::fill(out.reals.begin(), out.reals.end(), a.value.as_double());
  std::fill(out.integers.begin(), out.integers.end(), wrapped(out.dtype, a.value.as_integer()));
  Indices strides = out.strides(x[0]->dims);
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (x[0]->dims[i].axis == a.axis) strides[i] *= a.interior + 1;
  write_strided(out, low * out.stride(a.axis), strides, *x[0]);
  return {std::move(out)};
}

// The padding does not move.
MaybeCells pad_tangent(const Site& site, Operands, Operands t, Operands y) {
  const auto& a = site.node.as<PadAttrs>();
  Dense out(y[0]->dtype, y[0]->dims);
  Indices strides = out.strides(t[0]->dims);
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (t[0]->dims[i].axis == a.axis) strides[i] *= a.interior + 1;
  write_strided(out, site.size(a.low) * out.stride(a.axis), strides, *t[0]);
  return {cells(std::move(out))};
}

Values concat_value(const Site& site, Operands x) {
  const std::string& axis = site.node.as<AxisAttrs>().axis;
  Dense out(x[0]->dtype, site.dims[0]);
  std::int64_t at = 0;
  for (const Cells& part : x) {
    write_strided(out, at * out.stride(axis), out.strides(part->dims), *part);
    at += part->extent(axis);
  }
  return {std::move(out)};
}

MaybeCells concat_tangent(const Site& site, Operands x, Operands t, Operands) {
  std::vector<Cells> parts;
  for (std::size_t i = 0; i < x.size(); ++i) parts.push_back(t[i] ? t[i] : zeros_like(*x[i]));
  return {cells(std::move(concat_value(site, parts)[0]))};
}

Values reverse_value(const Site& site, Operands x) {
  const std::string& axis = site.node.as<AxisAttrs>().axis;
  Indices strides = x[0]->strides(site.dims[0]);
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (site.dims[0][i].axis == axis) strides[i] = -strides[i];
  const std::int64_t last = x[0]->extent(axis) - 1;
  return {read_strided(*x[0], site.dims[0], last * x[0]->stride(axis), strides)};
}

Values order_value(const Site& site, Operands x) { return {in_order(*x[0], site.dims[0])}; }

}  // namespace uwaga::interpreter
