#include <uwaga/ir/composites/activations.h>

#include <functional>
#include <numbers>

#include <uwaga/ir/at_least_f32.h>
#include <uwaga/ir/wanted.h>

namespace uwaga {
namespace {

Tensor activation(const char* name, const Operand& x, const std::function<Tensor(Tensor)>& body, Options options = {}) {
  return composite1(composite_named(name), std::move(options), {wanted(x, name, "operand")},
                    [&](const std::vector<Tensor>& in) { return body(in[0]); }, x.where);
}

}  // namespace

Tensor relu(Operand x) {
  return activation("relu", x, [](Tensor v) { return select(v > 0.0, v, 0.0); });
}

Tensor gelu(Operand x) {
  return activation("gelu", x, [](Tensor v) { return 0.5 * v * (erf(v * (1 / std::numbers::sqrt2)) + 1.0); });
}

Tensor gelu_tanh(Operand x) {
  return activation("gelu_tanh", x, [](Tensor v) {
    const double root = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;  // sqrt(2 / pi)
    return 0.5 * v * (tanh(root * (v + 0.044715 * v * v * v)) + 1.0);
  });
}

Tensor softplus(Operand x) {
  return activation("softplus", x, [](Tensor v) {
    const Tensor wide = cast(v, at_least_f32(v.dtype())), far = wide > 20.0;
    return cast(select(far, wide, log1p(exp(select(far, 0.0, wide)))), v.dtype());
  });
}

Tensor silu(Operand x) {
  return activation("silu", x, [](Tensor v) { return v * sigmoid(v); });
}

Tensor swiglu(Operand gate, Operand up) {
  return composite1(composite_named("swiglu"), {}, {wanted(gate, "swiglu", "gate"), wanted(up, "swiglu", "other operand")},
                    [](const std::vector<Tensor>& in) { return in[0] * sigmoid(in[0]) * in[1]; }, gate.where);
}

Tensor soft_cap(Operand x, double cap) {
  return activation("soft_cap", x, [&](Tensor v) { return cap * tanh(v / cap); }, {{"cap", cap}});
}

}  // namespace uwaga
