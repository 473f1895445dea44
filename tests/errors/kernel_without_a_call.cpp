#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a kernel for a composite that is not called",
        "kernel_without_a_call.cpp:9: a kernel is given for composite 'softplus', and the graph calls only 'gelu'") {
  Graph g;
  gelu(g.input("x", f32, {"row"})).watch("y");
  State none;
  compile(g, any_target(), none, {.kernels = {{"softplus", [](KernelCall&) {}}}});
}
