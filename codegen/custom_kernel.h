// Kernels of a user's own, given to `compile` (runtime/program.h) for a composite by name. How one is written: write_kernel.h.
//
//   const CustomKernel fast{"softplus", each_element(...)};
//   Program p = compile(g, Target::host(), state, {.kernels = {fast}});
//
// Calls of the composite then stay calls where others are written out, each a cluster of its own that runs this kernel on every
// target that has kernels. Nothing else changes: derivatives are taken before, of the composite's derivative or of its body; the
// interpreter runs the body; a call inside a claimed attention is part of that. The derivative of a composite `name` that
// names none is a composite `name_backward`, which may have a kernel too.
//
// Errors of `compile`, with the line where the CustomKernel was made: no call of that composite in the graph (it says which
// there are), two kernels for one composite. With the line of the call: what goes wrong while the kernel is written.
#pragma once

#include <functional>
#include <source_location>
#include <string>
#include <vector>

#include <uwaga/ir/graph_ref.h>

namespace uwaga {

class KernelCall;
struct CallAttrs;
// Writes the kernel of one call; called once for calls that are equal but for their operands, from one thread.
using KernelWriter = std::function<void(KernelCall& call)>;

struct CustomKernel {
  CustomKernel(std::string composite, KernelWriter write, int version = 1,
               std::source_location where = std::source_location::current())
      : composite(std::move(composite)), write(std::move(write)), version(version), where(where) {}

  std::string composite;  // Composite::name and ::version of the calls it computes
  KernelWriter write;
  int version = 1;
  std::source_location where;  // told in errors
};

// The kernels of a program.
class CustomKernels {
 public:
  CustomKernels() = default;
  // Error: two for one composite, or one without a writer.
  explicit CustomKernels(std::vector<CustomKernel> kernels);

  bool empty() const { return kernels_.empty(); }
  const CustomKernel* of(const CallAttrs& call) const;  // null: from its body
  // Error: a composite that `graph` and the graphs inside it do not call.
  void check_against(const Graph& graph) const;
  // `graph`, after expand, with every call that has a kernel marked for fusion: see has_own_kernel.
  Graph mark(const Graph& graph) const;

 private:
  std::vector<CustomKernel> kernels_;
};

// Is this a call that CustomKernels::mark marked?
bool has_own_kernel(const CallAttrs& call);

}  // namespace uwaga
