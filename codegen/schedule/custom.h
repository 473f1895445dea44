// The schedule of a cluster that is one call with a kernel of the user's: the user's writer, told how a target walks axes.
#pragma once

#include <functional>
#include <memory>

#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/codegen/write_kernel.h>

namespace uwaga::schedule {

// For the host. Error, with the line of the call: whatever goes wrong while the kernel is written.
Schedule custom(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const CustomKernels& kernels);

// What targets share: `make` gives the call as the target's loops have it. Results that nothing reads are temporaries.
using MakeCall = std::function<std::unique_ptr<KernelCall>(kernel::Inline& x, NodeId call)>;
Schedule write_custom(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const CustomKernels& kernels, const MakeCall& make);

// Over which axes tasks run, each with an index of its own, and over which the elements of a row.
struct RowAxes {
  std::vector<LoopAxis> kept, reduced;
  Type space;
};
RowAxes row_axes(kernel::Inline& x, Value widest, const AxisNames& over);

// A sum or maximum of a row's terms, of this dtype.
Reduction row_reduction(KernelBuilder& b, Op op, DType dtype);

}  // namespace uwaga::schedule
