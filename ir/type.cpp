#include <uwaga/ir/type.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include <uwaga/ir/error.h>

namespace uwaga {

Axis::Axis(std::string name) : name(std::move(name)) {}
Axis::Axis(const char* name) : name(name) {}
Axis::Axis(std::string name, std::int64_t size) : name(std::move(name)), extent(size) {}
Axis::Axis(std::string name, Extent size) : name(std::move(name)), extent(std::move(size)) {}
Axis::Axis(std::string name, UpTo limit) : name(std::move(name)), bound(limit.bound) {}

Axis Axis::as(std::string other) const {
  Axis a = *this;
  a.name = std::move(other);
  return a;
}

AxisNames names_of(const Axes& axes) {
  AxisNames names;
  names.reserve(axes.size());
  for (const Axis& a : axes) names.push_back(a.name);
  return names;
}

std::string join(const AxisNames& names) { return fmt::format("{}", fmt::join(names, ", ")); }

bool is_axis_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.'; });
}

const std::vector<Dim> Dims::kNone;

Dims::Dims(std::vector<Dim> dims) {
  if (!dims.empty()) list_ = std::make_shared<std::vector<Dim>>(std::move(dims));
}
Dims::Dims(std::initializer_list<Dim> dims) : Dims(std::vector<Dim>(dims)) {}

void Dims::push_back(Dim dim) { edit().push_back(std::move(dim)); }

bool operator==(const Dims& a, const Dims& b) { return a.shares(b) || a.list() == b.list(); }

std::vector<Dim>& Dims::edit() {
  if (!list_) list_ = std::make_shared<std::vector<Dim>>();
  else if (list_.use_count() > 1) list_ = std::make_shared<std::vector<Dim>>(*list_);
  // Whoever gave up a share before this one was seen to be the last has finished reading.
  std::atomic_thread_fence(std::memory_order_acquire);
  return *list_;
}

const Dim* Type::find(std::string_view axis) const {
  for (const Dim& d : dims)
    if (d.axis == axis) return &d;
  return nullptr;
}

const Extent& Type::extent(std::string_view axis) const {
  const Dim* d = find(axis);
  if (!d) throw InternalError(fmt::format("type {} has no axis '{}'", str(), axis));
  return d->extent;
}

AxisNames Type::axes() const {
  AxisNames names;
  names.reserve(dims.size());
  for (const Dim& d : dims) names.push_back(d.axis);
  return names;
}

Extent Type::elements() const {
  for (const Dim& d : dims)
    if (d.extent == Extent(0)) return 0;  // whatever the others are
  Extent product = 1;
  for (const Dim& d : dims) product = product * d.extent;
  return product;
}

Type Type::without(const AxisNames& axes) const {
  std::vector<Dim> left;
  left.reserve(dims.size());
  for (const Dim& d : dims)
    if (std::find(axes.begin(), axes.end(), d.axis) == axes.end()) left.push_back(d);
  return {dtype, std::move(left)};
}

std::string Type::str() const {
  std::string out(name(dtype));
  out += '[';
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i) out += ", ";
    out += dims[i].axis;
    if (dims[i].extent.as_symbol() != dims[i].axis) out += fmt::format("={}", dims[i].extent.str());
  }
  return out + ']';
}

Type Type::parse(std::string_view text) {
  const auto fail = [&] { return Error(fmt::format("'{}' is no type: expected dtype[axis, axis=extent, ...]", text)); };
  const std::size_t open = text.find('[');
  if (open == std::string_view::npos || text.back() != ']') throw fail();
  const auto dtype = parse_dtype(text.substr(0, open));
  if (!dtype) throw fail();
  Type t{*dtype, {}};
  std::string_view rest = text.substr(open + 1, text.size() - open - 2);
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view dim = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (!dim.empty() && dim.front() == ' ') dim.remove_prefix(1);
    const std::size_t equals = dim.find('=');
    const std::string axis(dim.substr(0, equals));
    if (!is_axis_name(axis) || t.has(axis)) throw fail();
    t.dims.push_back({axis, equals == std::string_view::npos ? Extent::symbol(axis) : Extent::parse(dim.substr(equals + 1))});
  }
  return t;
}

bool same_axes(const Type& a, const Type& b) {
  if (a.dims.shares(b.dims)) return true;
  if (a.dims.size() != b.dims.size()) return false;
  return std::all_of(a.dims.begin(), a.dims.end(), [&](const Dim& d) {
    const Dim* other = b.find(d.axis);
    return other && other->extent == d.extent;
  });
}

bool same_type(const Type& a, const Type& b) { return a.dtype == b.dtype && same_axes(a, b); }

}  // namespace uwaga
