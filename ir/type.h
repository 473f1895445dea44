// Axes and tensor types: named axes are the type.
//
//   Axis batch{"batch"}, time{"time", up_to(1024)}, model{"model", 768};
//
// A type is a dtype and a map from axis name to extent. The set of axes is the type; the order in which they are written
// is for display and for the border only (inputs, parameters, outputs). No type has one name twice.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <uwaga/ir/dtype.h>
#include <uwaga/ir/extent.h>
#include <uwaga/ir/small_list.h>

namespace uwaga {

struct UpTo {
  std::int64_t bound;
};
constexpr UpTo up_to(std::int64_t bound) { return {bound}; }

// An axis as a program declares it. Without a size it takes whatever it meets; at an input it then becomes a symbol of
// the same name, bound when the program runs. `up_to` bounds that symbol.
struct Axis {
  std::string name;
  std::optional<Extent> extent;
  std::optional<std::int64_t> bound;

  Axis(std::string name);  // NOLINT: a name is an axis
  Axis(const char* name);  // NOLINT
  Axis(std::string name, std::int64_t size);
  Axis(std::string name, Extent size);
  Axis(std::string name, UpTo limit);

  // The axis of the same extent under another name.
  Axis as(std::string other) const;
};

using Axes = std::vector<Axis>;
// Names of axes, in an order that means something only where its owner says so.
using AxisNames = std::vector<std::string>;
AxisNames names_of(const Axes& axes);
std::string join(const AxisNames& names);  // "batch, time"

// Letters, digits, '_' and '.', a letter or '_' first.
bool is_axis_name(std::string_view text);

struct Dim {
  std::string axis;
  Extent extent;
  friend bool operator==(const Dim&, const Dim&) = default;
};

// The dims of a type. Types are copied a hundred times as often as they are made, so copies share one list, which is
// copied before it changes.
class Dims {
 public:
  Dims() = default;
  Dims(std::vector<Dim> dims);             // NOLINT: the same dims
  Dims(std::initializer_list<Dim> dims);

  operator const std::vector<Dim>&() const { return list(); }  // NOLINT
  std::size_t size() const { return list().size(); }
  bool empty() const { return list().empty(); }
  const Dim* begin() const { return list().data(); }
  const Dim* end() const { return list().data() + size(); }
  const Dim& operator[](std::size_t i) const { return list()[i]; }
  const Dim& front() const { return list().front(); }
  const Dim& back() const { return list().back(); }

  // This object's own list, to change.
  std::vector<Dim>& edit();
  void push_back(Dim dim);

  // Whether both are one list; two that are not may be equal still.
  bool shares(const Dims& other) const { return list_ == other.list_; }
  friend bool operator==(const Dims& a, const Dims& b);

 private:
  const std::vector<Dim>& list() const { return list_ ? *list_ : kNone; }

  static const std::vector<Dim> kNone;
  std::shared_ptr<std::vector<Dim>> list_;
};

struct Type {
  DType dtype = DType::f32;
  Dims dims;

  int rank() const { return static_cast<int>(dims.size()); }
  bool has(std::string_view axis) const { return find(axis) != nullptr; }
  const Dim* find(std::string_view axis) const;
  const Extent& extent(std::string_view axis) const;  // InternalError if absent
  AxisNames axes() const;
  Extent elements() const;  // product of the extents

  Type with_dtype(DType d) const { return {d, dims}; }
  Type without(const AxisNames& axes) const;  // the same order, these axes left out

  // "bf16[batch, time, head=12, depth=64]": an extent is left out where it is the symbol of the axis' own name.
  std::string str() const;
  // The exact inverse; throws Error.
  static Type parse(std::string_view text);

  // Equal as written: the same order too.
  friend bool operator==(const Type&, const Type&) = default;
};

// Types of the outputs of one node.
using TypeList = SmallList<Type, 1>;

// Equal as types: dtype and the set of axes with their extents, whatever the order.
bool same_type(const Type& a, const Type& b);
bool same_axes(const Type& a, const Type& b);  // same_type but for the dtype

}  // namespace uwaga
