// Sums over patches: of a tensor's entries those of 64 x 64 neighbours along two of its axes, which is one block of terms of a sum, its
// lanes along the second axis (contracts, section 3). A product takes them along, of entries that are still close: so the norm of a
// weight's gradient costs no pass over memory, nor a gradient that is stored, where an optimiser's update takes it up at once.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <uwaga/codegen/cluster.h>

namespace uwaga {

inline constexpr std::int64_t kPatch = 64;

struct PatchSum {
  // An axis of `of`, and the one that its blocks of kPatch are numbered by in the sum; "" where it is one block.
  struct Side {
    std::string axis, block;
  };
  NodeId sum = 0;
  Value element;              // what is summed, over the axes of `of`, computed of nothing else
  Value of;                   // what the product gives, or what it stores
  std::array<Side, 2> sides;  // the terms' slower axis first
};

// `id` as such a sum of what `is_stored` says is stored.
std::optional<PatchSum> patch_sum(const GraphData& graph, NodeId id, const std::function<bool(Value)>& is_stored);

// Those that a cluster of a product takes along.
std::vector<PatchSum> patch_sums(const GraphData& graph, const Cluster& cluster);

// Where in a cluster the nodes are that computing `of` takes, in its order; nothing behind `given`.
std::vector<std::size_t> nodes_behind(const GraphData& graph, const Cluster& cluster, const std::vector<Value>& of,
                                      std::optional<Value> given = std::nullopt);

// Such a cluster without them.
struct Patched {
  Cluster core;
  std::vector<PatchSum> sums;
  std::vector<NodeId> of_sums;  // what is computed for them alone, in the graph's order
  std::vector<std::size_t> at;  // where in the whole cluster the nodes of the core are, then those
};
Patched without_patch_sums(const GraphData& graph, const Cluster& cluster);

// The op that a cluster's kernels are named by: its last, or of a product that takes sums along, the last of the core.
NodeId naming_op(const GraphData& graph, const Cluster& cluster);

}  // namespace uwaga
