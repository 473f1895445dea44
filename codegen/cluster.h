// Clusters: the partition of a graph into what one kernel computes.
//
// fuse() cuts a graph into clusters, in an order in which they can run. A value that crosses a border is stored in memory;
// a value inside a cluster never is. Every stored value says why, and every neighbouring pair says why it was not fused:
// a boundary's reason names the rule that failed and the numbers it failed on.
#pragma once

#include <string>
#include <vector>

#include <uwaga/ir/graph.h>

namespace uwaga {

enum class ClusterKind : std::uint8_t {
  loop,         // elementwise, axis ops, gathers, reductions: one pass or one row-resident pass
  contraction,  // a dot with prologues on its operands and an epilogue on its accumulators
  attention,    // streaming softmax, forward or backward
  index,        // scatter_add, cumsum, top_k, dynamic_update: one op with its own schedule
  structure,    // scan, cond: run by the program, each body clustered on its own
  custom,       // a call with a kernel of the user's (custom_kernel.h)
};
std::string_view name(ClusterKind);

// "dot"; of a call, the name of its composite.
std::string_view op_name(const Node& node);

struct Cluster {
  ClusterKind kind = ClusterKind::loop;
  std::vector<NodeId> nodes;   // in the graph's order; a node's position is its ordinal in the kernel
  std::vector<Value> inputs;   // stored before
  std::vector<Value> outputs;  // stored by this cluster
};

// Why two neighbouring clusters are two: `value` is stored by one and read by the other.
struct Boundary {
  Value value;
  int from = 0, to = 0;  // clusters; -1: the graph's border
  std::string rule;      // "reduction axes differ", "two contractions", "output of the program", ...
  std::string numbers;   // what the rule compared, e.g. "rows 1024*4 against 768"
};

struct Clustering {
  std::vector<Cluster> clusters;  // in an order in which they can run
  std::vector<Boundary> boundaries;
};

// What a target's schedules can do that others' cannot.
struct FuseRules {
  bool sums_beside_rows = false;  // reductions down columns in the kernel of reductions along the rows of the same tensors
  bool patch_sums = false;        // sums over patches of a product's result (fuse/patches.h) in its kernel
};

// Leaves (inputs, parameters) are stored already; constants and iotas are computed where they are used, random bits too.
Clustering fuse(const Graph& graph, const FuseRules& rules = {});
// The same clusters in the same order for a compiler that asks no questions: without boundaries, which are most of the work.
Clustering fuse_unexplained(const Graph& graph, const FuseRules& rules = {});

}  // namespace uwaga
