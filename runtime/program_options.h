// What a graph is compiled with besides its target.
//
//   Program p = compile(g, Target::host(), state, {.kernels = {{"softplus", softplus_kernel}}});
#pragma once

#include <vector>

#include <uwaga/codegen/custom_kernel.h>

namespace uwaga {

struct ProgramOptions {
  // Kernels of your own for composites, by name (write_kernel.h says how they are written). The interpreter runs the bodies.
  std::vector<CustomKernel> kernels = {};
};

}  // namespace uwaga
