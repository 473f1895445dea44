#include <uwaga/models/layers.h>

#include <algorithm>

#include <uwaga/ir/graph.h>
#include <uwaga/ir/wanted.h>

namespace uwaga {

Tensor linear(const Scope& s, Operand x, const Axes& in, const Axes& out, const LinearOptions& options) {
  const Here where = x.where;
  const ProvenanceGuard guard(s.graph().data(), s.origin(where));
  Tensor input = wanted(x, "linear", "operand");
  Axes weight_in;
  for (const Axis& a : in) {
    Axis own(a.name, wanted(x, "linear", "operand", a).extent(a));
    const bool also_out = std::any_of(out.begin(), out.end(), [&](const Axis& o) { return o.name == a.name; });
    if (also_out) {
      own.name += ".in";
      input = rename(input, a.name, own.name);
    }
    weight_in.push_back(own);
  }
  Axes all = weight_in;
  all.insert(all.end(), out.begin(), out.end());
  Tensor y = dot(input, s.param("weight", all, options.weight, input.dtype(), where), weight_in);
  if (options.bias) y = y + s.param("bias", out, zeros(), input.dtype(), where);
  return y;
}

Tensor linear(const Scope& s, Operand x, const Axis& in, const Axes& out, const LinearOptions& options) {
  return linear(s, x, Axes{in}, out, options);
}
Tensor linear(const Scope& s, Operand x, const Axis& in, const Axis& out, const LinearOptions& options) {
  return linear(s, x, Axes{in}, Axes{out}, options);
}
Tensor linear(const Scope& s, Operand x, const Axes& in, const Axis& out, const LinearOptions& options) {
  return linear(s, x, in, Axes{out}, options);
}

Tensor rms_norm(const Scope& s, Operand x, const Axis& axis, double epsilon) {
  const ProvenanceGuard guard(s.graph().data(), s.origin(x.where));
  const Axis own(axis.name, wanted(x, "rms_norm", "operand", axis).extent(axis));
  return rms_norm(*x.tensor, s.param("weight", {own}, ones(), x.tensor->dtype(), x.where), axis, epsilon);
}

Tensor layer_norm(const Scope& s, Operand x, const Axis& axis, double epsilon) {
  const ProvenanceGuard guard(s.graph().data(), s.origin(x.where));
  const Axis own(axis.name, wanted(x, "layer_norm", "operand", axis).extent(axis));
  const Tensor weight = s.param("weight", {own}, ones(), x.tensor->dtype(), x.where);
  const Tensor bias = s.param("bias", {own}, zeros(), x.tensor->dtype(), x.where);
  return layer_norm(*x.tensor, weight, bias, axis, epsilon);
}

Tensor mlp(const Scope& s, Operand x, const Axis& model, const Axis& hidden, const Activation& activation, const MlpOptions& options) {
  Tensor h = linear(s / ScopeName("fc", x.where), x, model, {hidden}, {options.bias, options.in});
  {
    const ProvenanceGuard guard(s.graph().data(), s.origin(x.where));
    h = activation(Operand(h, x.where));
  }
  return linear(s / ScopeName("out", x.where), Operand(h, x.where), hidden, {model}, {options.bias, options.out});
}

Tensor swiglu_mlp(const Scope& s, Operand x, const Axis& model, const Axis& hidden, const Initial& initial) {
  const LinearOptions options{false, initial};
  const Tensor gate = linear(s / ScopeName("gate", x.where), x, model, {hidden}, options);
  const Tensor up = linear(s / ScopeName("up", x.where), x, model, {hidden}, options);
  const Tensor h = [&] {
    const ProvenanceGuard guard(s.graph().data(), s.origin(x.where));
    return swiglu(Operand(gate, x.where), up);
  }();
  return linear(s / ScopeName("down", x.where), Operand(h, x.where), hidden, {model}, options);
}

}  // namespace uwaga
