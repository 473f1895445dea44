// A value inside the interpreter: doubles for every floating dtype, 64-bit integers for all others, row-major.
//
// In typed mode the doubles hold values of the dtype; rounding a double sum, product, quotient or square root of f32 values to
// f32 gives the very f32 result, since 53 bits are more than twice 24 and two.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include <uwaga/ir/array.h>

namespace uwaga::interpreter {

using Indices = std::vector<std::int64_t>;

struct Dense {
  DType dtype = DType::f32;
  ArrayDims dims;
  std::vector<double> reals;           // if is_float(dtype)
  std::vector<std::int64_t> integers;  // otherwise

  Dense() = default;
  Dense(DType dtype, ArrayDims dims);  // zeros
  std::int64_t size() const { return static_cast<std::int64_t>(is_float(dtype) ? reals.size() : integers.size()); }
  std::int64_t extent(const std::string& axis) const;
  // Elements between neighbours along an axis; 0 along an axis it does not have.
  std::int64_t stride(const std::string& axis) const;
  Indices strides(const ArrayDims& along) const;
  double number(std::int64_t i) const {
    const auto at = static_cast<std::size_t>(i);
    return is_float(dtype) ? reals[at] : static_cast<double>(integers[at]);
  }
};
using Cells = std::shared_ptr<const Dense>;

Dense dense_of(const Array& array);
// Floats become f64 if `exact`, else the dtype of `x`.
Array array_of(const Dense& x, bool exact);

std::int64_t elements(const ArrayDims& dims);
Indices extents_of(const ArrayDims& dims);
ArrayDims dims_along(const Dense& x, const AxisNames& axes);
// The axes of x that are not among `axes`, in order.
ArrayDims without(const ArrayDims& dims, const AxisNames& axes);

// Calls f(offsets) for every coordinate in row-major order; offset k moves by strides[k].
template <std::size_t K, typename F>
void walk(const Indices& extents, const std::array<Indices, K>& strides, std::array<std::int64_t, K> offsets, F&& f) {
  for (std::int64_t e : extents)
    if (e == 0) return;
  if (extents.empty()) return f(offsets);
  const std::size_t last = extents.size() - 1;
  Indices at(extents.size(), 0);
  while (true) {
    auto inner = offsets;
    for (std::int64_t i = 0; i < extents[last]; ++i) {
      f(inner);
      for (std::size_t k = 0; k < K; ++k) inner[k] += strides[k][last];
    }
    std::size_t d = last;
    while (true) {
      if (d == 0) return;
      --d;
      for (std::size_t k = 0; k < K; ++k) offsets[k] += strides[k][d];
      if (++at[d] < extents[d]) break;
      for (std::size_t k = 0; k < K; ++k) offsets[k] -= strides[k][d] * extents[d];
      at[d] = 0;
    }
  }
}

// f(cells of out, cells of in), both of one kind.
template <typename F>
void on_cells(Dense& out, const Dense& in, F&& f) {
  if (is_float(in.dtype)) f(out.reals, in.reals);
  else f(out.integers, in.integers);
}

// out[c] = x[base + c . strides] for every coordinate c of `dims`.
Dense read_strided(const Dense& x, ArrayDims dims, std::int64_t base, const Indices& strides);
// out[base + c . strides] = x[c] for every coordinate c of x.
void write_strided(Dense& out, std::int64_t base, const Indices& strides, const Dense& x);

// The same tensor with its axes listed as in `dims`; `scratch` holds it if it had to be copied.
const Dense& aligned(const Dense& x, const ArrayDims& dims, Dense& scratch);
Dense in_order(const Dense& x, const ArrayDims& dims);

}  // namespace uwaga::interpreter
