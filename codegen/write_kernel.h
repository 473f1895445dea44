// Writing the kernel of an op of your own: once, for the CPU and the GPU.
//
//   // Element by element: lanes in, lanes out.                  x [any axes] -> the same
//   const CustomKernel softplus_kernel{"softplus", each_element([](KernelCall& call, const Lanes& x) {
//     const Ex beta = call.number("beta"), z = x[0] * beta;
//     return (max(z, 0) + log1p(exp(-abs(z)))) / beta;
//   })};
//
//   // Row by row: reductions, then the elements again.          x [.. model], gain [model] -> [.. model]
//   const CustomKernel norm_kernel{"my_norm", each_row({"model"}, [](KernelCall& call, Row& row) {
//     const KernelTensor x = call.operand(0), gain = call.operand(1), y = call.result(0);
//     const Ex squares = row.sum([&](const At& i) { return x[i] * x[i]; });
//     const Ex scale = rsqrt(squares / row.length() + call.number("epsilon"));
//     row.each([&](const At& i) { y[i] = x[i] * scale * gain[i]; });
//   })};
//
//   // Anything: tasks, loops, variables.                        a, x [batch time model] -> h[t] = a[t] h[t-1] + x[t]
//   const CustomKernel recurrence_kernel{"recurrence", [](KernelCall& call) {
//     const KernelTensor a = call.operand(0), x = call.operand(1), h = call.result(0);
//     call.vectors({"model"}, call.task({"batch"}), [&](const At& lanes) {
//       const Ex state = call.variable(lanes, 0);
//       call.loop("time", lanes, [&](const At& i) {
//         call.assign(state, state * a[i] + x[i]);
//         h[i] = state;
//       });
//     });
//   }};
//
// A kernel is a grid of independent tasks. An Ex is an expression of a scalar or of several lanes, computed where a statement
// uses it; arithmetic is that of kernel/build.h and kernel/arithmetic.h: operands of one dtype, each op rounded once, functions
// with the bounds of kernel/math.h. C++ control flow runs while the kernel is written; what depends on values is select(), a
// loop of the call or a statement of `builder()`.
//
// Tensors are read and written by axis name, in whatever layout they lie: a tensor that lacks an axis of `at` is broadcast.
// Values travel in their computing dtype: f32 for bf16 and f16, which are rounded where they are stored. Sums have the order of
// the contracts, so f32 and f64 bits depend on no vector width, no thread and no target. Every element of every result must be
// stored, by one task alone; operands are read only; a result may be read where the same lanes stored it. check_kernel
// (runtime/check_kernel.h) holds a kernel against the body.
//
// Whatever is thrown here or by the writer, `compile` throws as Error with the line of the call: an axis that `at` has no index
// for, a dtype beside another, an operand that is not there, a store to an operand, a result that is stored nowhere.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <uwaga/codegen/custom_kernel.h>
#include <uwaga/codegen/kernel/arithmetic.h>
#include <uwaga/codegen/lower/inline.h>
#include <uwaga/ir/options.h>

namespace uwaga {

using kernel::Ex;
// Where elements stand: an index for each axis (one element, or neighbouring lanes along an axis), and the lanes that exist.
using At = kernel::IndexEnv;
// One expression an operand, at the same place.
using Lanes = std::vector<Ex>;

// An element of a tensor, or lanes of them: an Ex, and for results what can be assigned.
class Element : public Ex {
 public:
  Element(KernelCall& call, Value tensor, const At& at, Ex value) : Ex(value), call_(&call), tensor_(tensor), at_(at) {}
  Element(const Element&) = default;
  // Stores; a scalar goes to all lanes. Error for an operand's element.
  const Element& operator=(Ex value) const;
  const Element& operator=(const Element& value) const { return *this = static_cast<Ex>(value); }

 private:
  KernelCall* call_;
  Value tensor_;
  At at_;
};

// A tensor that the call reads or writes.
class KernelTensor {
 public:
  KernelTensor(KernelCall& call, Value tensor) : call_(&call), tensor_(tensor) {}

  const Type& type() const;  // its axes with their extents, which may be symbols, and its dtype
  AxisNames layout() const;  // its axes as they lie in memory, dense, the last the fastest
  Element operator[](const At& at) const;
  Ex extent(const Axis& axis) const;  // i64
  // For the builder's own load and store: the buffer, and elements between neighbours along an axis.
  kernel::BufferId buffer() const;
  Ex stride(const Axis& axis) const;  // i64

 private:
  KernelCall* call_;
  Value tensor_;
};

// The row of a task, in each_row. What is computed outside of `each` and the terms is of the row: one scalar.
class Row {
 public:
  using Term = std::function<Ex(const At& i)>;
  virtual ~Row() = default;

  // Over the row's elements; terms are f32, f64 or integers, and of the dtype the call computes in unless another is named. The
  // sum of nothing is 0, the maximum -inf (or the least integer).
  Ex sum(const Term& term, std::optional<DType> dtype = std::nullopt) { return reduce(Op::add, dtype, term); }
  Ex max(const Term& term, std::optional<DType> dtype = std::nullopt) { return reduce(Op::max, dtype, term); }
  // For every element of the row, lanes of them at a time.
  virtual void each(const std::function<void(const At& i)>& body) = 0;

  Ex length() const { return length_; }    // elements, in the dtype the call computes in
  const At& at() const { return at_; }     // of the row: for tensors that lack its axes

 protected:
  Row(At at, Ex length) : at_(std::move(at)), length_(length) {}
  virtual Ex reduce(Op op, std::optional<DType> dtype, const Term& term) = 0;

  At at_;
  Ex length_;
};

// The call whose kernel is written.
class KernelCall {
 public:
  virtual ~KernelCall() = default;
  KernelCall(const KernelCall&) = delete;
  KernelCall& operator=(const KernelCall&) = delete;

  // ---- what is called. Captured tensors come after the operands that the composite was given.
  int operands() const;
  int results() const;
  KernelTensor operand(int i);
  KernelTensor result(int i);
  // An option as a C++ value: the kernel is written for it.
  template <typename T>
  const T& option(const std::string& name) const { return uwaga::option<T>(options(), name); }
  // A numeric option as an expression of the dtype the call computes in. Unless it is 0, +-1, +-1/2 or +-2 it is an argument of
  // the kernel, so that calls that differ in it share one kernel.
  Ex number(const std::string& option);
  // What the call computes in: the dtype of its first floating result or operand, f32 for bf16 and f16; else f32.
  DType dtype() const;

  // ---- loops over axes
  // These two take the whole grid. All elements of result 0, lanes of them at a time; `i` serves every tensor over some of its
  // axes, and is not to be taken apart: where axes lie together, one index walks them all.
  virtual void each_element(const std::function<void(const At& i)>& body) = 0;
  // Rows along `over` of the widest tensor that has it, for each index of its other axes.
  virtual void each_row(const Axes& over, const std::function<void(Row&)>& body) = 0;
  // One task for each index of these axes; of none: one task.
  At task(const Axes& axes);
  // Lanes along one or several axes at `at` (a GPU has one lane a thread).
  void vectors(const Axes& axes, const At& at, const std::function<void(const At& i)>& body);
  // One index after the other.
  void loop(const Axis& axis, const At& at, const std::function<void(const At& i)>& body);
  // The extent of an axis, of the first tensor that has it: i64.
  Ex extent(const Axis& axis);

  // ---- variables, for loops to change; of as many lanes as `at`
  Ex variable(const At& at, double value);
  void assign(Ex variable, Ex value) { builder().assign(variable, value); }

  // ---- for what is not here: statements and expressions of kernel IR
  kernel::KernelBuilder& builder() { return x_.builder(); }
  virtual bool on_gpu() const = 0;
  // Lanes of a vector of `dtype()`; 1 on a GPU.
  virtual int lanes() const = 0;

 protected:
  KernelCall(kernel::Inline& x, NodeId call) : x_(x), call_(call) {}
  // The tensor, operands before results, that has all these axes and the most others. Error if there is none.
  Value widest(const AxisNames& axes) const;
  virtual void store(Value tensor, const At& at, Ex value);

  kernel::Inline& x_;
  const NodeId call_;

 private:
  friend class Element;
  friend class KernelTensor;
  const Options& options() const;
  bool is_result(Value v) const { return v.node == call_; }
};

// The kernel of an op that is elementwise: `body` is given its operands' lanes and gives its result's, or as many as it has
// results. Operands have some of the axes of the results, results have the same axes.
KernelWriter each_element_of(std::function<std::vector<Ex>(KernelCall& call, const Lanes& operands)> body);
template <typename Body>
KernelWriter each_element(Body body) {
  return each_element_of([body](KernelCall& call, const Lanes& operands) {
    if constexpr (std::is_convertible_v<std::invoke_result_t<const Body&, KernelCall&, const Lanes&>, Ex>) return std::vector<Ex>{body(call, operands)};
    else return std::vector<Ex>(body(call, operands));
  });
}

// The kernel of an op that works row by row.
KernelWriter each_row(Axes over, std::function<void(KernelCall& call, Row& row)> body);

}  // namespace uwaga
