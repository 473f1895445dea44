// A program with a kernel of the user's own, to go wrong with.
#pragma once

#include <uwaga/codegen/write_kernel.h>
#include <uwaga/uwaga.h>

#include "tests/errors/programs.h"

namespace uwaga::test {

// z = x y, called at the line that calls this, computed by `kernel`. The interpreter has no use for a kernel: nothing goes wrong.
inline void product_with(const KernelWriter& kernel, std::source_location where = std::source_location::current()) {
  Graph g;
  const Tensor a = g.input("x", f32, {"row"}), b = g.input("y", f32, {"row"});
  composite1(composite_named("product"), {{"gain", 2.0}}, {a, b}, [](const std::vector<Tensor>& in) { return in[0] * in[1]; }, where).watch("z");
  State none;
  compile(g, any_target(), none, {.kernels = {{"product", kernel}}});
}

}  // namespace uwaga::test
