#include <uwaga/ir/composites/optimisers.h>

#include <uwaga/ir/wanted.h>

namespace uwaga {

AdamwStep adamw(Operand parameter, Operand gradient, Operand first, Operand second, const AdamwScalars& s, double beta1,
                double beta2, double epsilon, double decay) {
  SharedCalls alone;
  return adamw(alone, parameter, gradient, first, second, s, beta1, beta2, epsilon, decay);
}

AdamwStep adamw(SharedCalls& shared, Operand parameter, Operand gradient, Operand first, Operand second, const AdamwScalars& s,
                double beta1, double beta2, double epsilon, double decay) {
  const Options options = {{"beta1", beta1}, {"beta2", beta2}, {"decay", decay}, {"epsilon", epsilon}};
  const auto body = [&](const std::vector<Tensor>& in) {
    const Tensor &p = in[0], &rate = in[4];
    const Tensor g = in[1] * in[5];
    const Tensor m = in[2] * beta1 + g * (1 - beta1);
    const Tensor v = in[3] * beta2 + g * g * (1 - beta2);
    const Tensor root = sqrt(v) * (1.0 / sqrt(in[7])) + epsilon;
    const Tensor kept = decay == 0 ? p : p * (1.0 - rate * decay);
    return std::vector<Tensor>{kept - rate / in[6] * (m / root), m, v};
  };
  const std::vector<Tensor> out = shared.composite(
      composite_named("adamw"), options,
      {wanted(parameter, "adamw", "parameter"), wanted(gradient, "adamw", "gradient"), wanted(first, "adamw", "first moment"),
       wanted(second, "adamw", "second moment"), s.rate, s.clip, s.correction1, s.correction2}, body,
      parameter.where);
  return {out[0], out[1], out[2]};
}

SgdStep sgd(Operand parameter, Operand gradient, Operand velocity, Operand rate, Operand clip, double momentum, double decay) {
  SharedCalls alone;
  return sgd(alone, parameter, gradient, velocity, rate, clip, momentum, decay);
}

SgdStep sgd(SharedCalls& shared, Operand parameter, Operand gradient, Operand velocity, Operand rate, Operand clip, double momentum,
            double decay) {
  const Options options = {{"decay", decay}, {"momentum", momentum}};
  const auto body = [&](const std::vector<Tensor>& in) {
    const Tensor g = in[1] * in[4];
    const Tensor v = momentum == 0 ? g : in[2] * momentum + g;
    const Tensor kept = decay == 0 ? in[0] : in[0] * (1.0 - in[3] * decay);
    return std::vector<Tensor>{kept - in[3] * v, v};
  };
  const std::vector<Tensor> out =
      shared.composite(composite_named("sgd"), options,
                {wanted(parameter, "sgd", "parameter"), wanted(gradient, "sgd", "gradient"), wanted(velocity, "sgd", "velocity"),
                 wanted(rate, "sgd", "rate"), wanted(clip, "sgd", "clip")}, body, parameter.where);
  return {out[0], out[1]};
}

}  // namespace uwaga
