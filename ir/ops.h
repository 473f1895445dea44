// The primitives as functions. See ../docs/ops.md for the generated table of types, rules and tests.
#pragma once

#include <functional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <uwaga/ir/composite.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/tensor.h>

namespace uwaga {

using Here = std::source_location;

// ---- elementwise. Floating dtypes unless said; the result has the dtype of the operands.
Tensor operator-(Operand x);
Tensor abs(Operand x);
Tensor exp(Operand x);
Tensor log(Operand x);
Tensor log1p(Operand x);
Tensor sqrt(Operand x);
Tensor rsqrt(Operand x);
Tensor sin(Operand x);
Tensor cos(Operand x);
Tensor tanh(Operand x);
Tensor erf(Operand x);
Tensor sigmoid(Operand x);
Tensor floor(Operand x);
Tensor logical_not(Operand x);  // bool
Tensor operator+(Operand a, Operand b);
Tensor operator-(Operand a, Operand b);
Tensor operator*(Operand a, Operand b);
Tensor operator/(Operand a, Operand b);
inline Tensor& operator+=(Tensor& a, Operand b) { return a = a + std::move(b); }
inline Tensor& operator-=(Tensor& a, Operand b) { return a = a - std::move(b); }
inline Tensor& operator*=(Tensor& a, Operand b) { return a = a * std::move(b); }
inline Tensor& operator/=(Tensor& a, Operand b) { return a = a / std::move(b); }
Tensor pow(Operand a, Operand b);
Tensor max(Operand a, Operand b);  // NaN if either is
Tensor min(Operand a, Operand b);
Tensor rem(Operand a, Operand b);  // sign of the divisor (floored)
Tensor logical_and(Operand a, Operand b);
Tensor logical_or(Operand a, Operand b);
Tensor equal(Operand a, Operand b);  // bool
Tensor not_equal(Operand a, Operand b);
Tensor operator<(Operand a, Operand b);
Tensor operator>(Operand a, Operand b);
Tensor operator<=(Operand a, Operand b);  // false where either is NaN
Tensor operator>=(Operand a, Operand b);
Tensor select(Operand condition, Operand if_true, Operand if_false);
Tensor cast(Operand x, DType dtype);
Tensor bitcast(Operand x, DType dtype);  // between dtypes of one size

// ---- axes
Tensor split(Operand x, const Axis& axis, const Axes& into);              // at most one of `into` without a size
Tensor merge(Operand x, const Axes& axes, const Axis& into);              // the first of `axes` is the slowest
Tensor broadcast(Operand x, const std::vector<Dim>& new_dims);            // adds axes, in front
Tensor broadcast_like(Operand x, Operand like);                           // over all axes of `like`; x has no others
Tensor outer(Operand a, Operand b);                                       // product over the union of disjoint-or-equal axes
Tensor rename(Operand x, const Axis& from, const Axis& to);               // the extent stays
Tensor slice(Operand x, const Axis& axis, Extent start, Extent stop, std::int64_t step = 1);
Tensor pad(Operand x, const Axis& axis, Extent low, Extent high, Literal value = 0.0, std::int64_t interior = 0);
Tensor concat(const std::vector<Tensor>& parts, const Axis& axis, Here where = Here::current());
Tensor stack(const std::vector<Tensor>& parts, const Axis& axis, Here where = Here::current());  // along a new axis
Tensor reverse(Operand x, const Axis& axis);
Tensor order(Operand x, const Axes& axes);  // the same tensor, its axes written in this order

// ---- contraction and reductions
// Sum over `over` of a*b. Shared axes that are not contracted are batch axes. f32 and f64 sum blocks of 512 terms, each one
// fma chain, added in order; narrow dtypes accumulate in f32.
Tensor dot(Operand a, Operand b, const Axes& over, std::optional<DType> result = std::nullopt);
Tensor sum(Operand x, const Axes& over);
Tensor reduce_max(Operand x, const Axes& over);  // -inf over an empty axis
Tensor mean(Operand x, const Axes& over);        // sum / count, of floats; NaN over an empty axis
Tensor argmax(Operand x, const Axis& axis);      // i32; the lowest index on ties, NaN is largest
Tensor cumsum(Operand x, const Axis& axis, bool reverse = false);
// The number of elements along `axes`, as a scalar of a dtype.
Tensor count(Operand x, const Axes& axes, DType dtype);

// ---- indices
// data[..., axis, ...] read at i32/i64 indices: axes of the result are those of the indices, then those of data without
// `axis`; axes both have are aligned (so this is also take-along-axis). An index out of range stops the run with an error.
// An index may be a number: gather(x, 0, time) is x at time 0, without that axis.
Tensor gather(Operand data, Operand indices, const Axis& axis);
// base + the updates added where their indices point, in index order. updates: the axes gather would give.
Tensor scatter_add(Operand base, Operand indices, Operand updates, const Axis& axis);
Tensor dynamic_slice(Operand x, Operand start, const Axis& axis, Extent size);
Tensor dynamic_update(Operand x, Operand update, Operand start, const Axis& axis);
// 1 where the index is, else 0, along a new axis of a size; an index out of its range is 0 everywhere.
Tensor one_hot(Operand indices, const Axis& axis, DType dtype = DType::f32);
struct TopK {
  Tensor values, indices;  // i32 indices, largest first, the lowest index on ties
};
TopK top_k(Operand x, const Axis& axis, std::int64_t k, const Axis& into);

// ---- leaves
Tensor constant(const Graph& graph, Literal value, DType dtype, Here where = Here::current());
// Values in row-major order of the axes as given.
Tensor constant(const Graph& graph, std::vector<Literal> values, DType dtype, const Axes& axes, Here where = Here::current());
// 0, 1, 2, ... along an axis; without a size it is the symbol of its name.
Tensor iota(const Graph& graph, const Axis& axis, DType dtype = DType::i32, Here where = Here::current());
// The same along an axis of `like`.
Tensor iota(Operand like, const Axis& axis, DType dtype = DType::i32);
// A literal as a tensor of the type of `like`.
Tensor full_like(Operand like, Literal value);

// ---- structure
struct ScanOptions {
  bool reverse = false;
  std::optional<Extent> length = std::nullopt;  // needed only when nothing is sliced
};
struct ScanStep {
  std::vector<Tensor> carries;
  std::vector<Tensor> outputs;  // each is stacked along the axis
};
struct ScanResult {
  std::vector<Tensor> carries;
  std::vector<Tensor> outputs;
};
// Runs `body(carries, slices, index)` along an axis. Tensors of the enclosing graph may be used inside.
using ScanBody = std::function<ScanStep(const std::vector<Tensor>& carries, const std::vector<Tensor>& slices, Tensor index)>;
ScanResult scan(const Axis& axis, const std::vector<Tensor>& initial, const std::vector<Tensor>& sliced, const ScanBody& body,
                const ScanOptions& options = {}, Here where = Here::current());
// One of two branches, by a bool scalar; both must give the same types. Only what is computed from the branch's own
// operands is left to the branch that runs.
using Branch = std::function<std::vector<Tensor>(const std::vector<Tensor>& operands)>;
std::vector<Tensor> cond(Operand condition, const std::vector<Tensor>& operands, const Branch& if_true,
                         const Branch& if_false);

// A composite: a named call whose body `build` writes from the operands. It may use only what it is given, or capture.
using CompositeBody = std::function<std::vector<Tensor>(const std::vector<Tensor>& operands)>;
std::vector<Tensor> composite(CompositeRef which, Options options, const std::vector<Tensor>& operands,
                              const CompositeBody& build, Here where = Here::current());
// The usual case: one output.
Tensor composite1(CompositeRef which, Options options, const std::vector<Tensor>& operands,
                  const std::function<Tensor(const std::vector<Tensor>&)>& build, Here where = Here::current());

Tensor stop_gradient(Operand x);
Tensor tag(Operand x, const std::string& name);

// Random bits for the scope path `scope.name`; one path twice is an Error.
Tensor random_bits(const Scope& scope, const std::string& name, const Type& type, Here where = Here::current());
// For each element of `like`, beside which they are written: in the body of a composite, where it is computed there.
Tensor random_bits(const Scope& scope, const std::string& name, const Tensor& like, Here where = Here::current());

}  // namespace uwaga
