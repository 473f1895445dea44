#include <uwaga/ir/array.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <uwaga/ir/aligned.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

std::shared_ptr<std::byte> allocate(std::size_t bytes) {
  // At least one byte, so that an empty array still has an address.
  auto buffer = std::make_shared<AlignedBuffer>(std::max<std::size_t>(bytes, 1));
  std::byte* memory = buffer->data();
  return {std::move(buffer), memory};
}

template <typename T>
T load(const std::byte* memory, std::int64_t position) {
  T value;
  std::memcpy(&value, memory + position * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}
template <typename T>
void store(std::byte* memory, std::int64_t position, T value) {
  std::memcpy(memory + position * static_cast<std::int64_t>(sizeof(T)), &value, sizeof(T));
}

// Truncated and clamped; NaN gives 0.
std::int64_t clamped(double value, double low, double high, std::int64_t lowest, std::int64_t highest) {
  if (std::isnan(value)) return 0;
  if (value <= low) return lowest;
  if (value >= high) return highest;
  return static_cast<std::int64_t>(value);
}

void copy_strided(const std::byte* from, std::byte* to, const std::vector<std::int64_t>& extents,
                  const std::vector<std::int64_t>& strides, std::size_t size) {
  std::vector<std::int64_t> at(extents.size(), 0);
  std::int64_t source = 0, total = 1;
  for (std::int64_t e : extents) total *= e;
  for (std::int64_t i = 0; i < total; ++i) {
    std::memcpy(to + i * static_cast<std::int64_t>(size), from + source * static_cast<std::int64_t>(size), size);
    for (std::size_t d = extents.size(); d-- > 0;) {
      source += strides[d];
      if (++at[d] < extents[d]) break;
      source -= strides[d] * extents[d];
      at[d] = 0;
    }
  }
}

}  // namespace

std::int64_t saturated(DType dtype, double value) {
  switch (dtype) {
    case DType::i64:
      return clamped(value, -0x1p63, 0x1p63, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
    case DType::i32: return clamped(value, -0x1p31, 0x1p31 - 1, -2147483647 - 1, 2147483647);
    case DType::i8: return clamped(value, -128, 127, -128, 127);
    case DType::u8: return clamped(value, 0, 255, 0, 255);
    default: return value != 0;  // bool; NaN is not 0
  }
}

std::int64_t wrapped(DType dtype, std::int64_t value) {
  switch (dtype) {
    case DType::i32: return static_cast<std::int32_t>(value);
    case DType::i8: return static_cast<std::int8_t>(value);
    case DType::u8: return static_cast<std::uint8_t>(value);
    case DType::boolean: return value != 0;
    default: return value;
  }
}

std::string str(const ArrayDims& dims) {
  std::string out = "[";
  for (const ArrayDim& d : dims) out += fmt::format("{}{}={}", out.size() > 1 ? ", " : "", d.axis, d.extent);
  return out + "]";
}

std::int64_t checked_elements(const ArrayDims& dims, std::size_t bytes_an_element) {
  std::int64_t total = 1, bytes = 0;
  bool empty = false, overflow = false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i].extent < 0) throw Error(fmt::format("an array cannot have {}={}", dims[i].axis, dims[i].extent));
    for (std::size_t j = 0; j < i; ++j)
      if (dims[i].axis == dims[j].axis) throw Error(fmt::format("an array cannot have axis '{}' twice", dims[i].axis));
    empty |= dims[i].extent == 0;
    if (!empty) overflow |= __builtin_mul_overflow(total, dims[i].extent, &total);
  }
  if (empty) return 0;
  if (overflow || __builtin_mul_overflow(total, static_cast<std::int64_t>(bytes_an_element), &bytes))
    throw Error(fmt::format("an array of {} has more than 2^63 bytes", str(dims)));
  return total;
}

Array::Array(DType dtype, ArrayDims dims, std::shared_ptr<const std::byte> memory)
    : dtype_(dtype), dims_(std::move(dims)), elements_(checked_elements(dims_, size_of(dtype))), memory_(std::move(memory)) {}

Array::Array(DType dtype, ArrayDims dims) : Array(unwritten(dtype, std::move(dims))) { std::memset(mutable_data(), 0, bytes()); }

Array Array::unwritten(DType dtype, ArrayDims dims) {
  const auto elements = static_cast<std::size_t>(checked_elements(dims, size_of(dtype)));
  return unwritten(dtype, std::move(dims), allocate(elements * size_of(dtype)));
}

Array Array::unwritten(DType dtype, ArrayDims dims, std::shared_ptr<std::byte> memory) {
  return Array(dtype, std::move(dims), std::shared_ptr<const std::byte>(std::move(memory)));
}

Array Array::from_literal(Literal value, DType dtype) {
  Array out(dtype, {});
  if (value.is_integer()) out.set_integer(0, value.as_integer());
  else out.set(0, value.as_double());
  out.literal_ = true;
  return out;
}

Array Array::from_bytes(DType dtype, ArrayDims dims, std::span<const std::byte> bytes) {
  Array out = unwritten(dtype, std::move(dims));
  if (bytes.size() != out.bytes())
    throw Error(fmt::format("{} takes {} bytes and is given {}", out.str(), out.bytes(), bytes.size()));
  if (!bytes.empty()) std::memcpy(out.mutable_data(), bytes.data(), bytes.size());
  return out;
}

Array Array::view(DType dtype, ArrayDims dims, std::shared_ptr<const std::byte> memory, std::size_t bytes) {
  Array out(dtype, std::move(dims), std::move(memory));
  if (bytes != out.bytes()) throw Error(fmt::format("{} takes {} bytes and is given {}", out.str(), out.bytes(), bytes));
  out.borrowed_ = true;
  return out;
}

bool Array::has(std::string_view axis) const {
  for (const ArrayDim& d : dims_)
    if (d.axis == axis) return true;
  return false;
}

std::int64_t Array::extent(std::string_view axis) const {
  for (const ArrayDim& d : dims_)
    if (d.axis == axis) return d.extent;
  throw Error(fmt::format("{} has no axis '{}'", str(), axis));
}

AxisNames Array::axes() const {
  AxisNames out;
  for (const ArrayDim& d : dims_) out.push_back(d.axis);
  return out;
}

Type Array::type() const {
  Type out{dtype_, {}};
  for (const ArrayDim& d : dims_) out.dims.push_back({d.axis, d.extent});
  return out;
}

std::string Array::str() const { return std::string(name(dtype_)) + (dims_.empty() ? "" : uwaga::str(dims_)); }

std::byte* Array::mutable_data() {
  if (borrowed_ || memory_.use_count() > 1) {
    auto own = allocate(bytes());
    if (bytes() > 0) std::memcpy(own.get(), memory_.get(), bytes());
    memory_ = std::move(own);
    borrowed_ = false;
  }
  literal_ = false;
  return const_cast<std::byte*>(memory_.get());  // allocated by us, and ours alone
}

double Array::at(std::int64_t position) const {
  if (position < 0 || position >= elements_) throw Error(fmt::format("{} has no element {}", str(), position));
  switch (dtype_) {
    case DType::f64: return load<double>(data(), position);
    case DType::f32: return load<float>(data(), position);
    case DType::bf16: return from_bf16(load<std::uint16_t>(data(), position));
    case DType::f16: return from_f16(load<std::uint16_t>(data(), position));
    default: return static_cast<double>(integer_at(position));
  }
}

std::int64_t Array::integer_at(std::int64_t position) const {
  if (position < 0 || position >= elements_) throw Error(fmt::format("{} has no element {}", str(), position));
  switch (dtype_) {
    case DType::i64: return load<std::int64_t>(data(), position);
    case DType::i32: return load<std::int32_t>(data(), position);
    case DType::i8: return load<std::int8_t>(data(), position);
    case DType::u8:
    case DType::boolean: return load<std::uint8_t>(data(), position);
    default: return saturated(DType::i64, at(position));
  }
}

std::int64_t Array::position(const ArrayDims& coordinates) const {
  if (coordinates.size() != dims_.size())
    throw Error(fmt::format("{} is read at {} coordinates instead of {}", str(), coordinates.size(), dims_.size()));
  std::int64_t out = 0;
  for (const ArrayDim& d : dims_) {
    const ArrayDim* given = nullptr;
    for (const ArrayDim& c : coordinates)
      if (c.axis == d.axis) given = &c;
    if (!given) throw Error(fmt::format("{} is read without a coordinate for '{}'", str(), d.axis));
    if (given->extent < 0 || given->extent >= d.extent)
      throw Error(fmt::format("{} is read at {}={}", str(), d.axis, given->extent));
    out = out * d.extent + given->extent;
  }
  return out;
}

void Array::set(std::int64_t position, double value) {
  if (position < 0 || position >= elements_) throw Error(fmt::format("{} has no element {}", str(), position));
  std::byte* memory = mutable_data();
  switch (dtype_) {
    case DType::f64: return store(memory, position, value);
    case DType::f32: return store(memory, position, static_cast<float>(value));
    case DType::bf16: return store(memory, position, bf16_bits(static_cast<float>(value)));
    case DType::f16: return store(memory, position, f16_bits(static_cast<float>(value)));
    default: return set_integer(position, saturated(dtype_, value));
  }
}

void Array::set_integer(std::int64_t position, std::int64_t value) {
  if (position < 0 || position >= elements_) throw Error(fmt::format("{} has no element {}", str(), position));
  std::byte* memory = mutable_data();
  switch (dtype_) {
    case DType::i64: return store(memory, position, value);
    case DType::i32: return store(memory, position, static_cast<std::int32_t>(value));
    case DType::i8: return store(memory, position, static_cast<std::int8_t>(value));
    case DType::u8: return store(memory, position, static_cast<std::uint8_t>(value));
    case DType::boolean: return store(memory, position, static_cast<std::uint8_t>(value != 0));
    case DType::f64: return store(memory, position, static_cast<double>(value));
    // One rounding from the integer to f32, not two by way of f64.
    case DType::f32: return store(memory, position, static_cast<float>(value));
    case DType::bf16: return store(memory, position, bf16_bits(static_cast<float>(value)));
    case DType::f16: return store(memory, position, f16_bits(static_cast<float>(value)));
  }
}

std::vector<double> Array::to_doubles() const {
  std::vector<double> out(static_cast<std::size_t>(elements_));
  for (std::int64_t i = 0; i < elements_; ++i) out[static_cast<std::size_t>(i)] = at(i);
  return out;
}

std::vector<std::int64_t> Array::to_integers() const {
  if (is_float(dtype_)) throw Error(fmt::format("{} holds no integers; cast it", str()));
  std::vector<std::int64_t> out(static_cast<std::size_t>(elements_));
  for (std::int64_t i = 0; i < elements_; ++i) out[static_cast<std::size_t>(i)] = integer_at(i);
  return out;
}

Array Array::reordered(const AxisNames& axes) const {
  if (axes == this->axes()) return *this;
  ArrayDims dims;
  for (const std::string& axis : axes) dims.push_back({axis, extent(axis)});
  if (axes.size() != dims_.size())
    throw Error(fmt::format("{} cannot be listed by {{{}}}, which leaves out axes", str(), join(axes)));
  Array out(dtype_, std::move(dims));
  std::vector<std::int64_t> extents, strides;
  for (const ArrayDim& d : out.dims_) {
    std::int64_t stride = 1;
    for (std::size_t i = dims_.size(); i-- > 0 && dims_[i].axis != d.axis;) stride *= dims_[i].extent;
    extents.push_back(d.extent);
    strides.push_back(stride);
  }
  copy_strided(data(), out.mutable_data(), extents, strides, size_of(dtype_));
  return out;
}

Array Array::reshaped(ArrayDims dims) const {
  Array out = *this;
  out.elements_ = checked_elements(dims, size_of(dtype_));
  out.dims_ = std::move(dims);
  out.literal_ = false;
  if (out.elements_ != elements_)
    throw Error(fmt::format("{} of {} elements cannot become {} of {}", str(), elements_, out.str(), out.elements_));
  return out;
}

Array Array::cast(DType dtype) const {
  if (dtype == dtype_) return *this;
  Array out(dtype, dims_);
  for (std::int64_t i = 0; i < elements_; ++i) {
    if (is_float(dtype_)) out.set(i, at(i));
    else out.set_integer(i, integer_at(i));
  }
  return out;
}

Array Array::matched(DType dtype) const {
  if (!literal_ || dtype == dtype_) return *this;
  Array out = cast(dtype);
  const bool exact = is_float(dtype_) ? out.at(0) == at(0) : out.cast(dtype_).integer_at(0) == integer_at(0);
  if (!exact && !is_float(dtype)) throw Error(fmt::format("the literal {} is no {}", at(0), name(dtype)));
  return out;
}

bool operator==(const Array& a, const Array& b) {
  return a.dtype_ == b.dtype_ && a.dims_ == b.dims_ && (a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}

void Array::check_element(bool fits) const {
  if (!fits) throw Error(fmt::format("{} is read as elements of another type", str()));
}
void Array::check_single() const {
  if (elements_ != 1) throw Error(fmt::format("{} of {} elements is read as one item", str(), elements_));
}
void Array::check_count(std::size_t given) const {
  if (static_cast<std::size_t>(elements_) != given)
    throw Error(fmt::format("{} takes {} values and is given {}", str(), elements_, given));
}

}  // namespace uwaga
