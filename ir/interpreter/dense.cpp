#include <uwaga/ir/interpreter/internal/dense.h>

#include <algorithm>
#include <cstring>

#include <uwaga/ir/error.h>

namespace uwaga::interpreter {

Dense::Dense(DType dtype, ArrayDims d) : dtype(dtype), dims(std::move(d)) {
  const auto n = static_cast<std::size_t>(checked_elements(dims));
  if (is_float(dtype)) reals.resize(n);
  else integers.resize(n);
}

std::int64_t Dense::extent(const std::string& axis) const {
  for (const ArrayDim& d : dims)
    if (d.axis == axis) return d.extent;
  throw InternalError("an axis is missing in the interpreter: " + axis);
}

std::int64_t Dense::stride(const std::string& axis) const {
  std::int64_t out = 1;
  for (std::size_t i = dims.size(); i-- > 0; out *= dims[i].extent)
    if (dims[i].axis == axis) return out;
  return 0;
}

Indices Dense::strides(const ArrayDims& along) const {
  Indices out;
  for (const ArrayDim& d : along) out.push_back(stride(d.axis));
  return out;
}

Dense dense_of(const Array& array) {
  Dense out(array.dtype(), array.dims());
  if (array.dtype() == DType::f32) {
    const auto values = array.as<float>();
    out.reals.assign(values.begin(), values.end());
  } else if (is_float(array.dtype())) {
    out.reals = array.to_doubles();
  } else {
    out.integers = array.to_integers();
  }
  return out;
}

Array array_of(const Dense& x, bool exact) {
  const DType dtype = exact && is_float(x.dtype) ? DType::f64 : x.dtype;
  if (!is_float(dtype)) return Array::of(dtype, x.dims, x.integers);
  if (dtype == DType::f32) {
    Array out(dtype, x.dims);
    const auto cells = out.mutable_as<float>();
    std::transform(x.reals.begin(), x.reals.end(), cells.begin(), [](double v) { return static_cast<float>(v); });
    return out;
  }
  return Array::of(dtype, x.dims, x.reals);
}

std::int64_t elements(const ArrayDims& dims) { return checked_elements(dims); }

Indices extents_of(const ArrayDims& dims) {
  Indices out;
  for (const ArrayDim& d : dims) out.push_back(d.extent);
  return out;
}

ArrayDims dims_along(const Dense& x, const AxisNames& axes) {
  ArrayDims out;
  for (const std::string& axis : axes) out.push_back({axis, x.extent(axis)});
  return out;
}

ArrayDims without(const ArrayDims& dims, const AxisNames& axes) {
  ArrayDims out;
  for (const ArrayDim& d : dims)
    if (std::find(axes.begin(), axes.end(), d.axis) == axes.end()) out.push_back(d);
  return out;
}

Dense read_strided(const Dense& x, ArrayDims dims, std::int64_t base, const Indices& strides) {
  Dense out(x.dtype, std::move(dims));
  on_cells(out, x, [&](auto& to, const auto& from) {
    auto* cell = to.data();
    walk<1>(extents_of(out.dims), {strides}, {base}, [&](const auto& at) { *cell++ = from[static_cast<std::size_t>(at[0])]; });
  });
  return out;
}

void write_strided(Dense& out, std::int64_t base, const Indices& strides, const Dense& x) {
  on_cells(out, x, [&](auto& to, const auto& from) {
    const auto* cell = from.data();
    walk<1>(extents_of(x.dims), {strides}, {base}, [&](const auto& at) { to[static_cast<std::size_t>(at[0])] = *cell++; });
  });
}

const Dense& aligned(const Dense& x, const ArrayDims& dims, Dense& scratch) {
  if (x.dims == dims) return x;
  scratch = read_strided(x, dims, 0, x.strides(dims));
  return scratch;
}

Dense in_order(const Dense& x, const ArrayDims& dims) { return x.dims == dims ? x : read_strided(x, dims, 0, x.strides(dims)); }

}  // namespace uwaga::interpreter
