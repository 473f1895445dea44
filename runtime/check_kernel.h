// Is a kernel of your own right? It is held against the body of its composite.
//
//   const KernelCheck check = check_kernel(softplus_kernel, [](Graph& g, DType d) {
//     softplus(g.input("x", d, {"row", {"model", 24}}), 2.0).watch("y");
//   });
//   std::puts(check.str().c_str());  // "softplus: 36 runs, largest difference 1.5 units: passed"
//
// The graph that the function writes is compiled with the kernel for every target and dtype, run at every size, and every output
// compared with the interpreter's, which runs the body. Inputs are drawn: the same ones every time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <uwaga/ir/dtype.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/runtime/program_options.h>
#include <uwaga/runtime/target.h>

namespace uwaga {

struct KernelCheckOptions {
  // None: one thread and two of this machine, and emulated CUDA kernels.
  std::vector<Target> targets = {};
  std::vector<DType> dtypes = {DType::f32, DType::f64};
  // Every symbol of the inputs takes each: nothing, one, primes, about the widths of vectors, more than one block of a sum's lanes.
  std::vector<std::int64_t> sizes = {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 67};
  // How far from the body an element may be, in units of the output's dtype: unit roundoff times the largest of the output.
  double units = 8;
  // Floating inputs lie between; integer ones are 0, 1 and 2.
  double low = -3, high = 3;
};

struct KernelCheck {
  std::string composite;
  int runs = 0;
  double worst = 0;       // largest difference, in units; infinite where an integer, a NaN or an infinity differs
  std::string worst_at;   // "output 'y', f32, row=7, host with 1 thread: 1.5 instead of 1.4 at element 3"; empty where all bits are equal
  std::vector<std::string> skipped;  // targets that this machine or build lacks, and why
  bool passed = false;    // something was run, and nothing was further off than allowed
  std::string str() const;
};

// Throws what `compile` and `run` throw, but for targets that are not there.
KernelCheck check_kernel(const CustomKernel& kernel, const std::function<void(Graph& g, DType dtype)>& write, const KernelCheckOptions& options = {});

}  // namespace uwaga
