#include <uwaga/ir/composites/norms.h>

#include <limits>

#include <uwaga/ir/wanted.h>

namespace uwaga {
namespace {

// The maximum over `axis`, without a gradient, and 0 where it is infinite so that x - maximum is never NaN for -inf.
Tensor safe_maximum(const Tensor& x, const Axis& axis) {
  const Tensor m = stop_gradient(reduce_max(x, {axis}));
  return select(abs(m) < std::numeric_limits<double>::infinity(), m, 0.0);
}


}  // namespace

Tensor softmax(Operand x, const Axis& axis) {
  return composite1(composite_named("softmax"), {{"axis", axis.name}}, {wanted(x, "softmax", "operand")}, [&](const std::vector<Tensor>& in) {
    const Tensor e = exp(in[0] - safe_maximum(in[0], axis));
    const Tensor total = sum(e, {axis});
    // One division a row: all else, of the derivative too, multiplies. Only a row without anything in it has a sum of 0.
    const Tensor nothing = equal(total, 0.0);
    return e * select(nothing, 0.0, 1.0 / select(nothing, 1.0, total));
  }, x.where);
}

Tensor log_sum_exp(Operand x, const Axis& axis) {
  return composite1(composite_named("log_sum_exp"), {{"axis", axis.name}}, {wanted(x, "log_sum_exp", "operand")}, [&](const std::vector<Tensor>& in) {
    const Tensor m = safe_maximum(in[0], axis);
    return log(sum(exp(in[0] - m), {axis})) + m;
  }, x.where);
}

Tensor rms_norm(Operand x, Operand weight, const Axis& axis, double epsilon) {
  return composite1(composite_named("rms_norm"), {{"axis", axis.name}, {"epsilon", epsilon}},
                    {wanted(x, "rms_norm", "operand"), wanted(weight, "rms_norm", "weight")},
                    [&](const std::vector<Tensor>& in) {
                      return in[0] * rsqrt(mean(in[0] * in[0], {axis}) + epsilon) * in[1];
                    }, x.where);
}

Tensor layer_norm(Operand x, Operand weight, Operand bias, const Axis& axis, double epsilon) {
  return composite1(composite_named("layer_norm"), {{"axis", axis.name}, {"epsilon", epsilon}},
                    {wanted(x, "layer_norm", "operand"), wanted(weight, "layer_norm", "weight"), wanted(bias, "layer_norm", "bias")},
                    [&](const std::vector<Tensor>& in) {
                      const Tensor centred = in[0] - mean(in[0], {axis});
                      return centred * rsqrt(mean(centred * centred, {axis}) + epsilon) * in[1] + in[2];
                    }, x.where);
}

}  // namespace uwaga
