#include <uwaga/codegen/cuda/schedule.h>

#include <uwaga/codegen/cuda/internal/schedules.h>
#include <uwaga/codegen/fuse/groups.h>
#include <uwaga/codegen/whole_calls.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

Schedule loop_for_cuda(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  const GraphData& g = graph.data();
  for (NodeId id : cluster.nodes) {
    const Group group = group_of(g, id);
    if (group.sweep == Sweep::none) continue;
    if (group.sweep == Sweep::column) return cuda::columns(graph, cluster, layouts);
    const auto terms = g.type(g.node(id).operands[0]).elements().constant();
    // A single block of 64 threads over few terms, and for what needs the result again: as many passes as there are stages.
    constexpr std::int64_t kOneBlock = 16384;
    if (group.sweep == Sweep::full && !(terms && *terms <= kOneBlock)) return cuda::full(graph, cluster, layouts);
    return cuda::rows(graph, cluster, layouts);
  }
  return cuda::elementwise(graph, cluster, layouts);
}

Schedule written_for_cuda(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  switch (cluster.kind) {
    case ClusterKind::contraction: return cuda::contraction(graph, cluster, layouts);
    case ClusterKind::attention: return cuda::attention(graph, cluster, layouts);
    case ClusterKind::loop: return loop_for_cuda(graph, cluster, layouts);
    case ClusterKind::index: {
      HostTarget scalar;
      scalar.vector_bytes = 1;
      scalar.fma = true;
      return schedule_for_host(graph, cluster, layouts, scalar);
    }
    default: throw InternalError("no CUDA schedule for a cluster of kind " + std::string(name(cluster.kind)));
  }
}

}  // namespace

Schedule schedule_for_cuda(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const CudaTarget&) {
  return with_calls_written(graph, cluster, layouts, written_for_cuda);
}

}  // namespace uwaga
