// Attributes: one small struct per family of ops, with its fields listed once.
//
// Printing, parsing, hashing and comparing walk the same list, `fields`, so an attribute cannot be forgotten by one of
// them. Names of fields are what the text form shows: "slice %x {axis: time, start: 0, stop: 4, step: 1}".
#pragma once

#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <uwaga/ir/composite.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/ir/literal.h>
#include <uwaga/ir/op.h>
#include <uwaga/ir/type.h>

namespace uwaga {

template <typename Struct, typename Member>
struct Field {
  const char* name;
  Member Struct::* member;
};
template <typename Struct, typename Member>
Field(const char*, Member Struct::*) -> Field<Struct, Member>;

struct NoAttrs {
  static constexpr auto fields() { return std::tuple{}; }
};
struct InputAttrs {
  std::string name;
  Type type;
  static constexpr auto fields() { return std::tuple{Field{"name", &InputAttrs::name}, Field{"type", &InputAttrs::type}}; }
};
// A state slot's value at the start of a step. `initial` computes its first value: a graph with one input, the i64
// scalar "seed", and one output of `type`.
struct ParameterAttrs {
  std::string path;
  Type type;
  bool trainable = true;
  Graph initial;
  static constexpr auto fields() {
    return std::tuple{Field{"path", &ParameterAttrs::path}, Field{"type", &ParameterAttrs::type},
                      Field{"trainable", &ParameterAttrs::trainable}, Field{"initial", &ParameterAttrs::initial}};
  }
};
// Either one value for every element or, with static extents, all of them in row-major order as `type` writes its axes.
struct ConstantAttrs {
  Type type;
  std::vector<Literal> values;
  static constexpr auto fields() {
    return std::tuple{Field{"type", &ConstantAttrs::type}, Field{"values", &ConstantAttrs::values}};
  }
};
// 0, 1, 2, ... along the only axis of `type`.
struct IotaAttrs {
  Type type;
  static constexpr auto fields() { return std::tuple{Field{"type", &IotaAttrs::type}}; }
};
// i32 bits; operands are the i64 scalars seed and step and then the index of each enclosing scan, outermost first.
// `key` is the scope path. Counter: the logical index in name-sorted axes (Philox4x32-10, see ir/random.h).
struct RandomBitsAttrs {
  std::string key;
  Type type;
  static constexpr auto fields() {
    return std::tuple{Field{"key", &RandomBitsAttrs::key}, Field{"type", &RandomBitsAttrs::type}};
  }
};
struct CastAttrs {  // cast, bitcast
  DType dtype = DType::f32;
  static constexpr auto fields() { return std::tuple{Field{"dtype", &CastAttrs::dtype}}; }
};
struct SplitAttrs {  // `axis` becomes `into`, the first the slowest
  std::string axis;
  Dims into;
  static constexpr auto fields() { return std::tuple{Field{"axis", &SplitAttrs::axis}, Field{"into", &SplitAttrs::into}}; }
};
struct MergeAttrs {  // `axes`, the first the slowest, become `into`
  AxisNames axes;
  std::string into;
  static constexpr auto fields() { return std::tuple{Field{"axes", &MergeAttrs::axes}, Field{"into", &MergeAttrs::into}}; }
};
struct BroadcastAttrs {  // the result's axes in order; those the operand has keep their extent, the others are new
  Dims dims;
  static constexpr auto fields() { return std::tuple{Field{"dims", &BroadcastAttrs::dims}}; }
};
struct RenameAttrs {
  std::string from, to;
  static constexpr auto fields() { return std::tuple{Field{"from", &RenameAttrs::from}, Field{"to", &RenameAttrs::to}}; }
};
struct SliceAttrs {  // start, start + step, ... below stop; start may be an extent, step > 0
  std::string axis;
  Extent start, stop;
  std::int64_t step = 1;
  static constexpr auto fields() {
    return std::tuple{Field{"axis", &SliceAttrs::axis}, Field{"start", &SliceAttrs::start},
                      Field{"stop", &SliceAttrs::stop}, Field{"step", &SliceAttrs::step}};
  }
};
struct PadAttrs {  // `low` elements of `value` before, `high` after, `interior` between neighbours
  std::string axis;
  Extent low, high;
  std::int64_t interior = 0;
  Literal value;
  static constexpr auto fields() {
    return std::tuple{Field{"axis", &PadAttrs::axis}, Field{"low", &PadAttrs::low}, Field{"high", &PadAttrs::high},
                      Field{"interior", &PadAttrs::interior}, Field{"value", &PadAttrs::value}};
  }
};
struct AxisAttrs {  // concat, reverse, argmax, gather, scatter_add
  std::string axis;
  static constexpr auto fields() { return std::tuple{Field{"axis", &AxisAttrs::axis}}; }
};
struct OrderAttrs {
  AxisNames axes;
  static constexpr auto fields() { return std::tuple{Field{"axes", &OrderAttrs::axes}}; }
};
// Contracts `over`; terms are counted in that order of the axes, the last the fastest (this fixes the bits of the sum).
struct DotAttrs {
  AxisNames over;
  DType dtype = DType::f32;  // of the result; narrow operands accumulate in f32
  static constexpr auto fields() { return std::tuple{Field{"over", &DotAttrs::over}, Field{"dtype", &DotAttrs::dtype}}; }
};
struct ReduceAttrs {  // sum, reduce_max; order of terms as for dot
  AxisNames over;
  static constexpr auto fields() { return std::tuple{Field{"over", &ReduceAttrs::over}}; }
};
struct CumsumAttrs {
  std::string axis;
  bool reverse = false;
  static constexpr auto fields() {
    return std::tuple{Field{"axis", &CumsumAttrs::axis}, Field{"reverse", &CumsumAttrs::reverse}};
  }
};
struct DynamicSliceAttrs {
  std::string axis;
  Extent size;
  static constexpr auto fields() {
    return std::tuple{Field{"axis", &DynamicSliceAttrs::axis}, Field{"size", &DynamicSliceAttrs::size}};
  }
};
struct TopKAttrs {
  std::string axis;
  std::int64_t k = 1;
  std::string into;  // the name of the axis of the k values
  static constexpr auto fields() {
    return std::tuple{Field{"axis", &TopKAttrs::axis}, Field{"k", &TopKAttrs::k}, Field{"into", &TopKAttrs::into}};
  }
};
// Operands: `carries` initial carries, then `slices` tensors with `axis`, then constants. The body's inputs are the
// carries, one slice of each (without `axis`), the i64 scalar index, and the constants; its outputs the new carries,
// then what is stacked along `axis`. Outputs of the node: the last carries, then the stacks.
struct ScanAttrs {
  std::string axis;
  Extent length;
  std::int64_t carries = 0;
  std::int64_t slices = 0;
  bool reverse = false;
  Graph body;
  static constexpr auto fields() {
    return std::tuple{Field{"axis", &ScanAttrs::axis},       Field{"length", &ScanAttrs::length},
                      Field{"carries", &ScanAttrs::carries}, Field{"slices", &ScanAttrs::slices},
                      Field{"reverse", &ScanAttrs::reverse}, Field{"body", &ScanAttrs::body}};
  }
};
struct CondAttrs {  // operands: a bool scalar, then the inputs of both bodies
  Graph then_body, else_body;
  static constexpr auto fields() {
    return std::tuple{Field{"then", &CondAttrs::then_body}, Field{"else", &CondAttrs::else_body}};
  }
};
struct CallAttrs {  // operands are the body's inputs, outputs the body's outputs, in order
  CompositeRef composite;
  Options options;
  Graph body;
  static constexpr auto fields() {
    return std::tuple{Field{"composite", &CallAttrs::composite}, Field{"options", &CallAttrs::options},
                      Field{"body", &CallAttrs::body}};
  }
};
struct TagAttrs {  // a name for a value; the identity
  std::string name;
  static constexpr auto fields() { return std::tuple{Field{"name", &TagAttrs::name}}; }
};

// A struct and no alias, so that headers can name it without the structs above (shared_attributes.h).
struct Attributes
    : std::variant<NoAttrs, InputAttrs, ParameterAttrs, ConstantAttrs, IotaAttrs, RandomBitsAttrs, CastAttrs, SplitAttrs,
                   MergeAttrs, BroadcastAttrs, RenameAttrs, SliceAttrs, PadAttrs, AxisAttrs, OrderAttrs, DotAttrs, ReduceAttrs,
                   CumsumAttrs, DynamicSliceAttrs, TopKAttrs, ScanAttrs, CondAttrs, CallAttrs, TagAttrs> {
  using variant::variant;
};

// The attributes an op takes, with default values; Graph::add refuses any other alternative.
Attributes default_attributes(Op op);

}  // namespace uwaga
