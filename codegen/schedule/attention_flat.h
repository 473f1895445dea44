// An attention cluster with its call written out, as a graph of its own: inputs are what the cluster reads.
#pragma once

#include <map>
#include <string>

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

struct FlatAttention {
  Graph graph;
  Cluster cluster;  // everything in `graph` but its inputs
  Layouts layouts;
  std::string query, key;
  std::map<Value, Value> outer;        // of inputs and outputs: the value of the program's graph
  std::vector<kernel::Ordinal> ordinals;  // by position in `cluster`: the op's ordinal in the kernel
  kernel::Ordinal call = 0;            // position of the call in the program's cluster
  std::vector<ProvenanceId> origins;   // by ordinal

  // The kernel in terms of the program's graph. Ordinals below the size of the program's cluster are positions in it; those from
  // there on are ops of the call's body, in the order of `cluster`. kAlgorithm becomes the call's.
  ScheduledKernel outside(ScheduledKernel inner) const;
  // The node of `graph` behind an ordinal of the kernel; null for the program's own.
  const Node* body_node(std::size_t ordinal) const;

  std::size_t outer_nodes = 0;  // of the program's cluster
};
FlatAttention flatten_attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts);

// What kernels write that is no op's: the walk over tiles, running maxima and sums, what is packed and cleared.
inline constexpr kernel::Ordinal kAlgorithm = 0xffff;

}  // namespace uwaga::schedule
