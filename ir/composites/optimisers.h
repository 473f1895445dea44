// Optimiser updates, elementwise, one call a parameter.
#pragma once

#include <uwaga/ir/ops.h>
#include <uwaga/ir/shared_calls.h>

namespace uwaga {

// AdamW (Loshchilov and Hutter 2019). rate, decay = rate * weight decay, clip and the two bias corrections
// 1 - beta^t are f32 scalars; the gradient is multiplied by `clip` first.
struct AdamwStep {
  Tensor parameter, first, second;
};
struct AdamwScalars {
  Tensor rate, clip, correction1, correction2;
};
AdamwStep adamw(Operand parameter, Operand gradient, Operand first, Operand second, const AdamwScalars& scalars, double beta1,
                double beta2, double epsilon, double decay);
// The same for one of many parameters, whose calls share bodies.
AdamwStep adamw(SharedCalls& shared, Operand parameter, Operand gradient, Operand first, Operand second, const AdamwScalars& scalars,
                double beta1, double beta2, double epsilon, double decay);

// Momentum of 0 keeps no buffer worth reading: velocity = momentum * velocity + gradient (Sutskever et al. 2013).
struct SgdStep {
  Tensor parameter, velocity;
};
SgdStep sgd(Operand parameter, Operand gradient, Operand velocity, Operand rate, Operand clip, double momentum, double decay);
SgdStep sgd(SharedCalls& shared, Operand parameter, Operand gradient, Operand velocity, Operand rate, Operand clip, double momentum,
            double decay);

}  // namespace uwaga
