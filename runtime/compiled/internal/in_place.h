// Which clusters write a slot's new value over its old one, and in which order clusters then run.
//
// A run that fails has changed nothing, and every update reads what the slots held before the run. So such a cluster cannot fail, and
// comes after all that can; it comes after all others that read the slots that it writes, and reads them itself element by element.
//
// Loops that do so run when everything else has: an optimiser's updates of many small tensors are launched at once. A product does it
// as soon as it may: its epilogue takes what the gradient would be, which then is never stored.
#pragma once

#include <set>
#include <span>
#include <vector>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/fuse/written.h>
#include <uwaga/ir/graph.h>

namespace uwaga {

// An update, of the slot's leaf.
struct SlotUpdate {
  NodeId slot = 0;
  Written written;
};

struct InPlace {
  std::set<int> last;      // clusters that write slots when everything else has run, and nothing beside them
  std::set<int> products;  // those that do so among the others, and may store more
  std::vector<int> order;  // of all clusters
};
InPlace find_in_place(const GraphData& graph, const std::vector<Cluster>& clusters, std::span<const SlotUpdate> updates);

// May it throw: for an index out of range, or because no one knows?
bool may_fail(const GraphData& graph, const Cluster& cluster);

}  // namespace uwaga
