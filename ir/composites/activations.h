// Activations, elementwise. Derivatives come from the bodies.
#pragma once

#include <string_view>

#include <uwaga/ir/ops.h>

namespace uwaga {

Tensor relu(Operand x);          // select(x > 0, x, 0); gradient 0 at 0
Tensor gelu(Operand x);          // x * Phi(x), by erf (Hendrycks and Gimpel 2016)
Tensor gelu_tanh(Operand x);     // its tanh form, 0.044715: "gelu_new", "gelu_pytorch_tanh"
Tensor softplus(Operand x);      // log(1 + exp(x)); x itself beyond 20, as other frameworks have it
Tensor silu(Operand x);          // x * sigmoid(x): swish
Tensor swiglu(Operand gate, Operand up);  // silu(gate) * up (Shazeer 2020)
Tensor soft_cap(Operand x, double cap);   // cap * tanh(x / cap)

// Is a composite of this name the derivative of one of these?
bool is_activation_backward(std::string_view composite);

}  // namespace uwaga
