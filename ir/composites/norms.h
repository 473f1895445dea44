// Normalisations along named axes. Statistics are in the dtype of x; use f32.
#pragma once

#include <uwaga/ir/ops.h>

namespace uwaga {

// exp(x - max) / sum over `axis`; a row of -inf alone is all 0 (with gradient 0).
Tensor softmax(Operand x, const Axis& axis);
// log(sum(exp(x))) over `axis`, which goes; -inf for a row of -inf.
Tensor log_sum_exp(Operand x, const Axis& axis);

// x * rsqrt(mean(x^2) + epsilon) * weight over `axis` (Zhang and Sennrich 2019). weight [axis].
Tensor rms_norm(Operand x, Operand weight, const Axis& axis, double epsilon);
// (x - mean) * rsqrt(biased variance + epsilon) * weight + bias over `axis` (Ba et al. 2016). weight, bias [axis].
Tensor layer_norm(Operand x, Operand weight, Operand bias, const Axis& axis, double epsilon);

}  // namespace uwaga
