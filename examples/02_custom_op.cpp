// 02: an op of your own, with its own derivative and its own kernel.
//
// A user's op is a composite: a named call with a body of primitives. It needs nothing more: the body runs on every
// target and is differentiated by the rules. Where you know a better derivative than the rules derive, name it; where you
// know a better kernel than fusion makes, write it, once for the CPU and the GPU. The body stays what the op means: both
// are checked against it, as this program does.
#include <uwaga/codegen/write_kernel.h>
#include <uwaga/uwaga.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace uwaga;

namespace {

// softplus(x) = log(1 + exp(beta x)) / beta, written so that exp never overflows. The derivative of that body is a
// select, a quotient and an exp away from what it is on paper: sigmoid(beta x).
//
// A derivative is handed the options of the call, its operands and outputs, and the cotangents of the outputs. It gives
// a cotangent for each operand. It must build what it returns from what it is handed, with the same ops as any model.
std::vector<std::optional<Tensor>> softplus_backward(const Options& options, const std::vector<Tensor>& operands,
                                                     const std::vector<Tensor>& /*outputs*/,
                                                     const std::vector<std::optional<Tensor>>& cotangents) {
  if (!cotangents[0]) return {std::nullopt};  // nobody wants the gradient: none flows on
  const double beta = option<double>(options, "beta");
  return {*cotangents[0] * sigmoid(operands[0] * beta)};
}

// The op itself is a plain function. The name and version identify it in listings; the options tell calls apart.
// Operand carries the line of the caller, so that errors and kernels name it.
Tensor softplus(Operand x, double beta) {
  const auto which = std::make_shared<const Composite>(Composite{.name = "softplus", .backward = softplus_backward});
  return composite1(
      which, {{"beta", beta}}, {*x.tensor},
      [beta](const std::vector<Tensor>& operands) {
        const Tensor z = operands[0] * beta;
        return (max(z, 0.0) + log1p(exp(-abs(z)))) / beta;
      },
      x.where);
}

// Its kernel: what the op is on lanes of numbers. `number` makes beta an argument of the kernel, so that one kernel serves
// every beta; 1 / beta is taken once, where the body divides every element.
CustomKernel softplus_kernel() {
  return {"softplus", each_element([](KernelCall& call, const Lanes& x) {
            const Ex beta = call.number("beta"), z = x[0] * beta;
            return (max(z, 0) + log1p(exp(-abs(z)))) * (1 / beta);
          })};
}

}  // namespace

int main() {
  const Axis row{"row"};
  Graph g;
  const Tensor x = g.input("x", f64, {row});
  const Tensor y = softplus(x, 2.0).watch("y");

  // The gradient of one scalar twice: by the derivative the composite names, and by the rules through its body.
  const Tensor total = sum(y, {row});
  grad(total, {x})[0].watch("named");
  grad(total, {x}, {.named = false})[0].watch("derived");

  // The same graph twice: with the kernel, and from the body.
  State none;  // no parameters here
  Program program = compile(g, Target::host(1), none, {.kernels = {softplus_kernel()}});
  Program body = compile(g, Target::host(1), none);
  const std::vector<double> at = {-400, -30, -3, -0.5, 0, 0.25, 1, 5, 30, 400};
  const Arrays inputs = {{"x", array({{"row", static_cast<std::int64_t>(at.size())}}, at)}};
  const Arrays out = program.run(inputs), plain = body.run(inputs);

  std::printf("%8s %12s %12s %12s %12s\n", "x", "by kernel", "by body", "named", "derived");
  double worst = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i);
    const double kernel = out.at("y").at(position), meant = plain.at("y").at(position);
    const double named = out.at("named").at(position), derived = out.at("derived").at(position);
    std::printf("%8g %12.6g %12.6g %12.6g %12.6g\n", at[i], kernel, meant, named, derived);
    worst = std::max({worst, std::abs(named - derived), std::abs(kernel - meant) / std::max(meant, 1.0)});
  }
  // All are a handful of f64 ops: their roundings differ by a few units of 2^-53.
  std::printf("largest difference %.2g\n", worst);

  // And at many sizes, in f32 and f64. Without a target it would ask emulated CUDA as well.
  const KernelCheck check = check_kernel(
      softplus_kernel(), [](Graph& one, DType d) { softplus(one.input("x", d, {"row", {"model", 3}}), 0.7).watch("y"); },
      {.targets = {Target::host(1)}});
  std::printf("%s\n", check.str().c_str());
  return worst < 16 * 0x1p-53 && check.passed ? 0 : 1;
}
