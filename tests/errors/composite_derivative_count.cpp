#include "tests/errors/mistake.h"

MISTAKE("a derivative that forgets an operand",
        "composite_derivative_count.cpp:11: the derivative that composite 'product' names gives 1 cotangents for "
        "2 operands") {
  Graph g;
  const Tensor x = g.input("x", f32, {}), y = g.input("y", f32, {});
  const auto forgets = [](const Options&, const std::vector<Tensor>&, const std::vector<Tensor>&,
                          const std::vector<std::optional<Tensor>>& cotangents) { return cotangents; };
  const auto product = std::make_shared<const Composite>(Composite{.name = "product", .backward = forgets});
  const Tensor z = composite1(product, {}, {x, y}, [](const std::vector<Tensor>& in) { return in[0] * in[1]; });
  grad(z, {x});
}
