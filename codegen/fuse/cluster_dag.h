// The acyclic graph of clusters while nodes are merged into them.
//
// Merging two neighbours is allowed unless another path joins them: the union would then need its own result. Ranks are a
// topological order, kept valid by reordering only what lies between the two (Pearce and Kelly, "A dynamic topological
// sort algorithm for directed acyclic graphs", JEA 2006), so a merge costs what lies between, not the graph.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <uwaga/ir/small_list.h>

namespace uwaga {

class ClusterDag {
 public:
  // A new cluster that depends on `on`; it comes after everything added before.
  int add(std::span<const int> on);
  // The cluster that `id` is part of now.
  int find(int id) const;
  int rank(int id) const { return rank_[static_cast<std::size_t>(find(id))]; }
  // Joins two clusters unless that would close a cycle; then nothing changes and the answer is false.
  bool merge(int a, int b);

 private:
  // Everything reachable from `from` by one direction, inside a window of ranks, but for `target` from `from` itself.
  // Empty and false when `target` is reached by a longer path.
  bool reach(int from, int target, bool forward, int limit, std::vector<int>& found);

  mutable std::vector<int> parent_;
  std::vector<int> rank_;
  std::vector<SmallList<int, 4>> next_, before_;
  std::vector<int> mark_;
  int stamp_ = 0;
  std::vector<int> open_, after_merged_, before_merged_, ranks_, edges_;  // of one merge
};

}  // namespace uwaga
