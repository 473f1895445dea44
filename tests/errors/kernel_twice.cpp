#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("two kernels for one composite",
        "kernel_twice.cpp:10: composite 'gelu' has a kernel already, from kernel_twice.cpp:9") {
  Graph g;
  gelu(g.input("x", f32, {"row"})).watch("y");
  State none;
  const CustomKernel first{"gelu", [](KernelCall&) {}};
  const CustomKernel second{"gelu", [](KernelCall&) {}};
  compile(g, any_target(), none, {.kernels = {first, second}});
}
