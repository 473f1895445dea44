// Layers: functions from a scope and tensors to a tensor, which declare their parameters under the scope.
//
//   Tensor q = linear(s / "q", x, model, {head, depth});               // weight [model head depth], bias [head depth]
//   Tensor y = mlp(s / "mlp", x, model, hidden, gelu);
//
// All but the axes named are batch axes, whatever they are.
#pragma once

#include <functional>

#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/initial.h>

namespace uwaga {

struct LinearOptions {
  bool bias = true;
  Initial weight = normal(0.02);
};
// x.W + b from axis `in` to the axes `out`. From an axis to itself, the weight calls its input axis `NAME.in`.
Tensor linear(const Scope& s, Operand x, const Axis& in, const Axes& out, const LinearOptions& options = {});
// From several axes (heads and depth, say) to one or more.
Tensor linear(const Scope& s, Operand x, const Axes& in, const Axes& out, const LinearOptions& options = {});
Tensor linear(const Scope& s, Operand x, const Axis& in, const Axis& out, const LinearOptions& options = {});
Tensor linear(const Scope& s, Operand x, const Axes& in, const Axis& out, const LinearOptions& options = {});

// With parameters `weight` (ones) and `bias` (zeros) under the scope.
Tensor rms_norm(const Scope& s, Operand x, const Axis& axis, double epsilon = 1e-5);
Tensor layer_norm(const Scope& s, Operand x, const Axis& axis, double epsilon = 1e-5);

using Activation = std::function<Tensor(Operand)>;
struct MlpOptions {
  bool bias = true;
  Initial in = normal(0.02), out = normal(0.02);
};
// out(activation(fc(x))): parameters fc.* and out.*.
Tensor mlp(const Scope& s, Operand x, const Axis& model, const Axis& hidden, const Activation& activation,
           const MlpOptions& options = {});
// down(silu(gate(x)) * up(x)), no biases: parameters gate.*, up.*, down.* (Shazeer 2020).
Tensor swiglu_mlp(const Scope& s, Operand x, const Axis& model, const Axis& hidden, const Initial& initial = normal(0.02));

}  // namespace uwaga
