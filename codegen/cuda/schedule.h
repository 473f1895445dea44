// From a cluster to kernels for a GPU.
//
// Sums keep the order that the contracts fix for the host (64 lanes, a fixed tree, blocks of 4,096 terms; dots in blocks of
// 512, each one fma chain): a block of threads is those 64 lanes. So what is not a function of libm has the host's bits.
//
//   elementwise   256 threads a block, kElements elements a thread
//   rows          a block of 64 threads a row; thread t is lane t of its sums
//   columns       16 groups of threads down 32 columns; a group is four lanes
//   full          blocks of 4,096 terms side by side, then their results
//   contraction   tiles of 64 x 64, 256 threads, operands through shared memory
//   attention     64 queries by tiles of keys, 256 threads, tiles in shared memory (schedule_attention.cpp)
//   custom        each_element as elementwise, each_row as rows, else a task a thread
//   index ops     the host's schedule with one lane, a task a thread
#pragma once

#include <uwaga/codegen/custom_kernel.h>
#include <uwaga/codegen/schedule.h>

namespace uwaga {

struct CudaTarget {
  std::string architecture = "sm_80";
};

// As schedule_for_host. InternalError for clusters that programs run themselves (structure) or that have no schedule here.
Schedule schedule_for_cuda(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const CudaTarget& target);

namespace cuda {
// Of a cluster of kind custom; as schedule::custom for the host.
Schedule custom(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const CustomKernels& kernels);
}  // namespace cuda

}  // namespace uwaga
