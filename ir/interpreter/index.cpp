// Ops that read or write where other tensors point.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

// Calls f(position in data, position in the gathered tensor) for every element of the gathered tensor, which lists its axes as
// `dims`; the visit goes by the indices' axes sorted by name, then by the rest of the data's.
template <typename F>
void each_indexed(const Site& site, const Dense& data, const Dense& indices, const Dense& gathered, F&& f) {
  const std::string& axis = site.node.as<AxisAttrs>().axis;
  ArrayDims visit = indices.dims;
  std::sort(visit.begin(), visit.end(), [](const ArrayDim& a, const ArrayDim& b) { return a.axis < b.axis; });
  AxisNames known = {axis};
  for (const ArrayDim& d : visit) known.push_back(d.axis);
  for (const ArrayDim& d : without(data.dims, known)) visit.push_back(d);
  Indices data_strides = data.strides(visit);
  const std::int64_t extent = data.extent(axis), along = data.stride(axis);
  walk<3>(extents_of(visit), {data_strides, indices.strides(visit), gathered.strides(visit)}, {0, 0, 0}, [&](const auto& at) {
    const std::int64_t index = indices.integers[static_cast<std::size_t>(at[1])];
    if (index < 0 || index >= extent) throw site.error(fmt::format("over '{}': index {} is outside {}={}", axis, index, axis, extent));
    f(static_cast<std::size_t>(at[0] + index * along), static_cast<std::size_t>(at[2]));
  });
}

// Where a part of `size` elements starts along the axis of x.
std::int64_t checked_start(const Site& site, const std::string& axis, const Dense& x, const Dense& start, std::int64_t size) {
  const std::int64_t at = start.integers[0], extent = x.extent(axis);
  if (at < 0 || at > extent - size)
    throw site.error(fmt::format("over '{}': {} elements from index {} are outside {}={}", axis, size, at, axis, extent));
  return at;
}

// Positions of the k largest of a row, largest first: NaN is largest, of equals the lowest position first.
template <typename Cell>
void largest(const Cell* row, std::int64_t n, std::int64_t k, std::vector<std::int64_t>& order) {
  order.resize(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](std::int64_t a, std::int64_t b) {
    const Cell x = row[a], y = row[b];
    if constexpr (std::is_floating_point_v<Cell>)
      if (std::isnan(x) || std::isnan(y)) return std::isnan(x) == std::isnan(y) ? a < b : std::isnan(x);
    return x != y ? x > y : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
}

Cells or_zeros(const Cells& tangent, const Cells& like) { return tangent ? tangent : zeros_like(*like); }

}  // namespace

Values gather_value(const Site& site, Operands x) {
  Dense out(x[0]->dtype, site.dims[0]);
  each_indexed(site, *x[0], *x[1], out, [&](std::size_t from, std::size_t to) {
    if (is_float(out.dtype)) out.reals[to] = x[0]->reals[from];
    else out.integers[to] = x[0]->integers[from];
  });
  return {std::move(out)};
}

MaybeCells gather_tangent(const Site& site, Operands x, Operands t, Operands) {
  const Cells moved[] = {t[0], x[1]};
  return {cells(std::move(gather_value(site, moved)[0]))};
}

Values scatter_add_value(const Site& site, Operands x) {
  Dense out = in_order(*x[0], site.dims[0]);
  const Dense& updates = *x[2];
  const bool wide = site.exact() || out.dtype == DType::f64;
  each_indexed(site, out, *x[1], updates, [&](std::size_t to, std::size_t from) {
    if (!is_float(out.dtype)) {
      const auto total = static_cast<std::uint64_t>(out.integers[to]) + static_cast<std::uint64_t>(updates.integers[from]);
      out.integers[to] = wrapped(out.dtype, static_cast<std::int64_t>(total));
      return;
    }
    const double total = out.reals[to] + updates.reals[from];
    out.reals[to] = wide ? total : static_cast<double>(static_cast<float>(total));
  });
  return {std::move(out)};
}

MaybeCells scatter_add_tangent(const Site& site, Operands x, Operands t, Operands) {
  const Cells moved[] = {or_zeros(t[0], x[0]), x[1], or_zeros(t[2], x[2])};
  return {cells(std::move(scatter_add_value(site, moved)[0]))};
}

Values dynamic_slice_value(const Site& site, Operands x) {
  const auto& a = site.node.as<DynamicSliceAttrs>();
  const std::int64_t start = checked_start(site, a.axis, *x[0], *x[1], site.size(a.size));
  return {read_strided(*x[0], site.dims[0], start * x[0]->stride(a.axis), x[0]->strides(site.dims[0]))};
}

MaybeCells dynamic_slice_tangent(const Site& site, Operands x, Operands t, Operands) {
  const Cells moved[] = {t[0], x[1]};
  return {cells(std::move(dynamic_slice_value(site, moved)[0]))};
}

Values dynamic_update_value(const Site& site, Operands x) {
  const std::string& axis = site.node.as<AxisAttrs>().axis;
  Dense out = in_order(*x[0], site.dims[0]);
  const std::int64_t start = checked_start(site, axis, out, *x[2], x[1]->extent(axis));
  write_strided(out, start * out.stride(axis), out.strides(x[1]->dims), *x[1]);
  return {std::move(out)};
}

MaybeCells dynamic_update_tangent(const Site& site, Operands x, Operands t, Operands) {
  const Cells moved[] = {or_zeros(t[0], x[0]), or_zeros(t[1], x[1]), x[2]};
  return {cells(std::move(dynamic_update_value(site, moved)[0]))};
}

Values top_k_value(const Site& site, Operands x) {
  const auto& a = site.node.as<TopKAttrs>();
  const std::int64_t n = x[0]->extent(a.axis);
  if (a.k > n) throw site.error(fmt::format("wants {} of {}={}", a.k, a.axis, n));
  ArrayDims rows = without(x[0]->dims, {a.axis});
  const std::int64_t count = elements(rows);
  rows.push_back({a.axis, n});
  Dense copy;
  const Dense& in = aligned(*x[0], rows, copy);
  rows.back() = {a.into, a.k};
  Dense values(in.dtype, rows), indices(DType::i32, rows);
  std::vector<std::int64_t> order;
  for (std::int64_t r = 0; r < count; ++r) {
    if (is_float(in.dtype)) largest(in.reals.data() + r * n, n, a.k, order);
    else largest(in.integers.data() + r * n, n, a.k, order);
    for (std::int64_t i = 0; i < a.k; ++i) {
      const auto to = static_cast<std::size_t>(r * a.k + i), from = static_cast<std::size_t>(r * n + order[static_cast<std::size_t>(i)]);
      indices.integers[to] = order[static_cast<std::size_t>(i)];
      on_cells(values, in, [&](auto& cells_out, const auto& cells_in) { cells_out[to] = cells_in[from]; });
    }
  }
  return {in_order(values, site.dims[0]), in_order(indices, site.dims[1])};
}

// The tangents of the elements that were taken.
MaybeCells top_k_tangent(const Site& site, Operands x, Operands t, Operands y) {
  const auto& a = site.node.as<TopKAttrs>();
  Dense out(x[0]->dtype, y[0]->dims);
  const Dense& moves = *t[0];
  const std::int64_t along = moves.stride(a.axis);
  walk<2>(extents_of(out.dims), {out.strides(out.dims), moves.strides(out.dims)}, {0, 0}, [&](const auto& at) {
    const auto to = static_cast<std::size_t>(at[0]);
    out.reals[to] = moves.reals[static_cast<std::size_t>(at[1] + y[1]->integers[to] * along)];
  });
  return {cells(std::move(out)), nullptr};
}

}  // namespace uwaga::interpreter
