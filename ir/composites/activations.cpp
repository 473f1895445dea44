#include <uwaga/ir/composites/activations.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <uwaga/ir/at_least_f32.h>
#include <uwaga/ir/wanted.h>

namespace uwaga {
namespace {

Tensor activation(CompositeRef which, const Operand& x, const std::function<Tensor(Tensor)>& body, Options options = {}) {
  const Tensor operand = wanted(x, which->name.c_str(), "operand");
  return composite1(std::move(which), std::move(options), {operand}, [&](const std::vector<Tensor>& in) { return body(in[0]); }, x.where);
}
Tensor activation(const char* name, const Operand& x, const std::function<Tensor(Tensor)>& body, Options options = {}) {
  return activation(composite_named(name), x, body, std::move(options));
}

// Its derivative is its slope times the cotangent. What is costly in a slope depends on the operand alone: so it is computed beside the
// activation, and it is all that a backward pass needs of it.
template <class Activation>
Tensor times_slope(const Tensor& x, const Tensor& cotangent) {
  return composite1(composite_named(std::string(Activation::kName) + "_backward"), {}, {x, cotangent},
                    [](const std::vector<Tensor>& in) { return in[1] * Activation::slope(in[0]); });
}

template <class Activation>
Tensor with_slope(const Operand& x) {
  const Composite::Backward backward = [](const Options&, const std::vector<Tensor>& operands, const std::vector<Tensor>&,
                                          const std::vector<std::optional<Tensor>>& cotangents) -> std::vector<std::optional<Tensor>> {
    if (!cotangents[0]) return {std::nullopt};
    return {times_slope<Activation>(operands[0], *cotangents[0])};
  };
  return activation(std::make_shared<const Composite>(Composite{.name = Activation::kName, .backward = backward}), x, Activation::value);
}

struct Gelu {
  static constexpr const char* kName = "gelu";
  static Tensor twice_normal(Tensor v) { return erf(v * (1 / std::numbers::sqrt2)) + 1.0; }  // twice the normal distribution
  static Tensor value(Tensor v) { return 0.5 * v * twice_normal(v); }
  static Tensor slope(Tensor v) {
    const double root = std::numbers::inv_sqrtpi / std::numbers::sqrt2;  // 1 / sqrt(2 pi)
    return 0.5 * twice_normal(v) + v * exp(-0.5 * v * v) * root;
  }
};

struct GeluTanh {
  static constexpr const char* kName = "gelu_tanh";
  static constexpr double kRoot = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;  // sqrt(2 / pi)
  static constexpr double kCube = 0.044715;
  static Tensor bend(Tensor v) { return tanh(kRoot * (v + kCube * v * v * v)); }
  static Tensor value(Tensor v) { return 0.5 * v * (bend(v) + 1.0); }
  static Tensor slope(Tensor v) {
    const Tensor t = bend(v);
    const Tensor inner = 0.5 * v * (1.0 - t * t) * kRoot;  // 0 far out, before a square of what is there could be infinite
    return 0.5 * (t + 1.0) + (inner + inner * v * (3 * kCube * v));
  }
};

struct Silu {
  static constexpr const char* kName = "silu";
  static Tensor value(Tensor v) { return v * sigmoid(v); }
  static Tensor slope(Tensor v) {
    const Tensor s = sigmoid(v);
    return s + v * s * (1.0 - s);
  }
};

}  // namespace

Tensor relu(Operand x) {
  return activation("relu", x, [](Tensor v) { return select(v > 0.0, v, 0.0); });
}

Tensor gelu(Operand x) { return with_slope<Gelu>(x); }

Tensor gelu_tanh(Operand x) { return with_slope<GeluTanh>(x); }

Tensor softplus(Operand x) {
  return activation("softplus", x, [](Tensor v) {
    const Tensor wide = cast(v, at_least_f32(v.dtype())), far = wide > 20.0;
    return cast(select(far, wide, log1p(exp(select(far, 0.0, wide)))), v.dtype());
  });
}

Tensor silu(Operand x) { return with_slope<Silu>(x); }

Tensor swiglu(Operand gate, Operand up) {
  const Composite::Backward backward = [](const Options&, const std::vector<Tensor>& operands, const std::vector<Tensor>&,
                                          const std::vector<std::optional<Tensor>>& cotangents) -> std::vector<std::optional<Tensor>> {
    if (!cotangents[0]) return {std::nullopt, std::nullopt};
    return {times_slope<Silu>(operands[0], *cotangents[0] * operands[1]), *cotangents[0] * Silu::value(operands[0])};
  };
  return composite1(std::make_shared<const Composite>(Composite{.name = "swiglu", .backward = backward}), {},
                    {wanted(gate, "swiglu", "gate"), wanted(up, "swiglu", "other operand")},
                    [](const std::vector<Tensor>& in) { return Silu::value(in[0]) * in[1]; }, gate.where);
}

Tensor soft_cap(Operand x, double cap) {
  return activation("soft_cap", x, [&](Tensor v) { return cap * tanh(v / cap); }, {{"cap", cap}});
}

bool is_activation_backward(std::string_view composite) {
  constexpr std::string_view kBackward = "_backward";
  if (!composite.ends_with(kBackward)) return false;
  composite.remove_suffix(kBackward.size());
  constexpr std::string_view kNames[] = {"relu", Gelu::kName, GeluTanh::kName, "softplus", Silu::kName, "swiglu", "soft_cap"};
  return std::find(std::begin(kNames), std::end(kNames), composite) != std::end(kNames);
}

}  // namespace uwaga
