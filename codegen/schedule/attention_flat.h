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
  kernel::Ordinal call = 0;            // position of the call in the program's cluster
  std::vector<ProvenanceId> origins;   // of that cluster

  // The kernel in terms of the program's graph: every op inside carries the line of the call.
  ScheduledKernel outside(ScheduledKernel inner) const;
};
FlatAttention flatten_attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts);

}  // namespace uwaga::schedule
