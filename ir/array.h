// Array: a tensor in host memory, with named axes. What goes into a Program and what comes out.
//
//   Array x = array({{"batch", 2}, {"time", 3}}, std::vector<float>{1, 2, 3, 4, 5, 6});
//   x.at({{"batch", 1}, {"time", 0}});             // 4.0
//   x.reordered({"time", "batch"}).to_doubles();   // 1 4 2 5 3 6
//   Array rate = 3e-4;                             // a scalar literal: takes the dtype it meets
//
// Elements lie dense in row-major order of the axes as listed, the last the fastest, aligned to 64 bytes. Copies share
// memory; writing through `mutable_data` first makes it this array's own. One array may be read from many threads, not
// written while it is copied. Everything is checked: sizes that overflow, a count of values that does not fit, a missing
// axis and a wrong element type are an Error that gives the numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <uwaga/ir/dtype.h>
#include <uwaga/ir/literal.h>
#include <uwaga/ir/type.h>

namespace uwaga {

struct ArrayDim {
  std::string axis;
  std::int64_t extent = 0;
  friend bool operator==(const ArrayDim&, const ArrayDim&) = default;
};
using ArrayDims = std::vector<ArrayDim>;

// "[batch=2, time=3]"
std::string str(const ArrayDims& dims);
// Product of the extents; Error if one is negative, an axis is named twice, or the bytes would overflow.
std::int64_t checked_elements(const ArrayDims& dims, std::size_t bytes_an_element = 8);

// What the op `cast` gives for an integer dtype or bool: from a float truncated, saturated, NaN as 0 (to bool: is it not 0);
// from an integer wrapped.
std::int64_t saturated(DType dtype, double value);
std::int64_t wrapped(DType dtype, std::int64_t value);

// The dtype of a C++ type; 16-bit patterns have none, since bf16 and f16 share them.
template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, double>) return DType::f64;
  else if constexpr (std::is_same_v<T, float>) return DType::f32;
  else if constexpr (std::is_same_v<T, bool>) return DType::boolean;
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 8) return DType::i64;
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 4) return DType::i32;
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 1) return DType::i8;
  else {
    static_assert(std::is_same_v<T, std::uint8_t>, "no dtype holds this C++ type");
    return DType::u8;
  }
}

class Array {
 public:
  Array() : Array(DType::f32, ArrayDims{}) {}
  // Zeros.
  Array(DType dtype, ArrayDims dims);
  // A scalar literal: where an input wants another dtype, it converts if that is exact or the dtype is floating.
  template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
  Array(Number value) : Array(from_literal(Literal(value), dtype_of<scalar_of<Number>>())) {}  // NOLINT: numbers are arrays

  // For someone who writes every element: until then they are undefined.
  static Array unwritten(DType dtype, ArrayDims dims);
  // In memory of that many bytes, which is the array's alone.
  static Array unwritten(DType dtype, ArrayDims dims, std::shared_ptr<std::byte> memory);
  // Each value rounded (or, to an integer dtype, converted as the op `cast` does) to `dtype`.
  template <typename T>
  static Array of(DType dtype, ArrayDims dims, std::span<const T> values);
  template <typename T>
  static Array of(DType dtype, ArrayDims dims, const std::vector<T>& values);
  template <typename T>
  static Array of(DType dtype, ArrayDims dims, std::initializer_list<T> values) {
    return of(dtype, std::move(dims), std::span<const T>(values.begin(), values.size()));
  }
  // A copy of raw elements.
  static Array from_bytes(DType dtype, ArrayDims dims, std::span<const std::byte> bytes);
  // Memory that someone else owns (a mapped file), kept alive as long as the array; never written through.
  static Array view(DType dtype, ArrayDims dims, std::shared_ptr<const std::byte> memory, std::size_t bytes);

  DType dtype() const { return dtype_; }
  const ArrayDims& dims() const { return dims_; }
  int rank() const { return static_cast<int>(dims_.size()); }
  std::int64_t elements() const { return elements_; }
  std::size_t bytes() const { return static_cast<std::size_t>(elements_) * size_of(dtype_); }
  bool has(std::string_view axis) const;
  std::int64_t extent(std::string_view axis) const;
  AxisNames axes() const;
  Type type() const;
  bool is_literal() const { return literal_; }
  std::string str() const;  // "f32[batch=2, time=3]"

  const std::byte* data() const { return memory_.get(); }
  std::byte* mutable_data();
  // The elements as T, which must be the C++ type of the dtype (std::uint16_t for bf16 and f16, std::uint8_t for bool).
  template <typename T>
  std::span<const T> as() const {
    check_element<T>();
    return {reinterpret_cast<const T*>(data()), static_cast<std::size_t>(elements_)};
  }
  template <typename T>
  std::span<T> mutable_as() {
    check_element<T>();
    return {reinterpret_cast<T*>(mutable_data()), static_cast<std::size_t>(elements_)};
  }

  // One element, by row-major position or by axis names. Integers beyond 2^53 need integer_at.
  double at(std::int64_t position) const;
  std::int64_t integer_at(std::int64_t position) const;
  double at(const ArrayDims& coordinates) const { return at(position(coordinates)); }
  std::int64_t position(const ArrayDims& coordinates) const;
  // Rounded or converted to the dtype.
  void set(std::int64_t position, double value);
  void set_integer(std::int64_t position, std::int64_t value);
  // The only element of an array of one.
  template <typename T>
  T item() const {
    check_single();
    if constexpr (std::is_integral_v<T>) return static_cast<T>(integer_at(0));
    else return static_cast<T>(at(std::int64_t{0}));
  }

  // All elements in order. to_integers of a floating dtype is an Error.
  std::vector<double> to_doubles() const;
  std::vector<std::int64_t> to_integers() const;

  // The same tensor with its axes listed in this order.
  Array reordered(const AxisNames& axes) const;
  // The same elements under other axes: as many in total.
  Array reshaped(ArrayDims dims) const;
  Array cast(DType dtype) const;
  // This array, or if it is a literal, the scalar of that dtype; Error if a literal does not fit exactly.
  Array matched(DType dtype) const;

  // The same dtype, axes in the same order, and the same bytes.
  friend bool operator==(const Array& a, const Array& b);

 private:
  template <typename Number>
  using scalar_of = std::conditional_t<
      std::is_floating_point_v<Number>, std::conditional_t<sizeof(Number) == 4, float, double>,
      std::conditional_t<std::is_same_v<Number, bool>, bool,
                         std::conditional_t<(sizeof(Number) < 4) || (sizeof(Number) == 4 && std::is_signed_v<Number>),
                                            std::int32_t, std::int64_t>>>;
  Array(DType dtype, ArrayDims dims, std::shared_ptr<const std::byte> memory);
  static Array from_literal(Literal value, DType dtype);
  template <typename T>
  void check_element() const {
    constexpr bool half = std::is_same_v<T, std::uint16_t>;
    if constexpr (half) check_element(dtype_ == DType::bf16 || dtype_ == DType::f16);
    else check_element(dtype_of<T>() == dtype_ || (std::is_same_v<T, std::uint8_t> && dtype_ == DType::boolean));
  }
  void check_element(bool fits) const;
  void check_single() const;
  void check_count(std::size_t given) const;

  DType dtype_;
  ArrayDims dims_;
  std::int64_t elements_ = 0;
  std::shared_ptr<const std::byte> memory_;
  bool literal_ = false;
  bool borrowed_ = false;
};

// Arrays by name: inputs, parameters, outputs.
using Arrays = std::map<std::string, Array, std::less<>>;

// An array of the dtype that T is.
template <typename T>
Array array(ArrayDims dims, std::span<const T> values) {
  return Array::of(dtype_of<T>(), std::move(dims), values);
}
template <typename T>
Array array(ArrayDims dims, const std::vector<T>& values) {
  return Array::of(dtype_of<T>(), std::move(dims), values);
}

template <typename T>
Array Array::of(DType dtype, ArrayDims dims, std::span<const T> values) {
  Array out(dtype, std::move(dims));
  out.check_count(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if constexpr (std::is_floating_point_v<T>) out.set(at, static_cast<double>(values[i]));
    else out.set_integer(at, static_cast<std::int64_t>(values[i]));
  }
  return out;
}

template <typename T>
Array Array::of(DType dtype, ArrayDims dims, const std::vector<T>& values) {
  if constexpr (std::is_same_v<T, bool>) {
    using Byte = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;  // named by T, so that it waits for a T
    const std::vector<Byte> bytes(values.begin(), values.end());
    return of(dtype, std::move(dims), std::span<const Byte>(bytes));
  } else {
    return of(dtype, std::move(dims), std::span<const T>(values));
  }
}

}  // namespace uwaga
