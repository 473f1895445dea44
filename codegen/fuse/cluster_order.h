// The canonical order of a cluster's nodes, and the signature that clusters with equal kernels share.
//
// Which kernel a cluster needs depends on its ops, attributes, types and layouts, not on where in the graph it stands. Its
// nodes are put in the order in which a walk from its outputs, operands first, meets them; inputs and outputs likewise. The
// operands of sums and products are met in the order of what they compute: gradients are added in an order that differs from
// layer to layer, and x + y is y + x to the bit. So the same block of every layer gives the same kernel, and is scheduled once.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/structural_hash.h>

namespace uwaga {

// The clusters of one graph, one after the other. Clusters are small and many: their nodes are numbered in the graph's
// order, and all that is known of one is in arrays that serve the next.
class ClusterOrder {
 public:
  ClusterOrder(const Graph& graph, const Layouts& layouts) : g_(graph.data()), layouts_(layouts) {}

  // Reorders nodes, inputs and outputs. Equal signatures: schedules are equal but for the values behind the buffers, which
  // correspond position by position.
  Hash128 canonicalise(Cluster& cluster);

 private:
  void sort_outputs(Cluster& cluster);
  std::size_t number(NodeId id) const;
  void layout(Hasher& h, Value v) const;
  const Hash128& type_hash(const Type& t);
  void find_multiplied(const Cluster& cluster);
  bool is_multiplied(Value v) const;
  Hash128 value_hash(Value v);
  Hash128 own_hash(NodeId id);
  Hash128 tree_hash(std::size_t n);
  Hash128 operand_hash(Value v);
  ValueList operands(NodeId id);
  void visit(NodeId id);
  std::uint64_t position(Value v) const;

  const GraphData& g_;
  const Layouts& layouts_;
  std::unordered_map<std::uintptr_t, std::pair<Type, Hash128>> types_;  // by list of dims and dtype
  std::vector<NodeId> ids_;          // sorted; by number
  std::vector<Hash128> own_, tree_;  // by number
  std::vector<std::size_t> place_;   // in order_, by number
  std::vector<NodeId> order_;
  std::vector<Value> inputs_;
  std::vector<Value> multiplied_, otherwise_;  // what a dot reads, also by other names; what others read or the cluster gives
};

}  // namespace uwaga
