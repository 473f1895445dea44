#include <uwaga/codegen/fuse/cluster_dag.h>

#include <algorithm>
#include <cstddef>

namespace uwaga {
namespace {
std::size_t at(int i) { return static_cast<std::size_t>(i); }
}  // namespace

int ClusterDag::add(std::span<const int> on) {
  const int id = static_cast<int>(parent_.size());
  parent_.push_back(id);
  rank_.push_back(id);
  next_.emplace_back();
  before_.emplace_back();
  mark_.push_back(0);
  for (int d : on) {
    const int root = find(d);
    if (std::find(before_[at(id)].begin(), before_[at(id)].end(), root) != before_[at(id)].end()) continue;
    before_[at(id)].push_back(root);
    next_[at(root)].push_back(id);
  }
  return id;
}

int ClusterDag::find(int id) const {
  while (parent_[at(id)] != id) {
    parent_[at(id)] = parent_[at(parent_[at(id)])];
    id = parent_[at(id)];
  }
  return id;
}

bool ClusterDag::reach(int from, int target, bool forward, int limit, std::vector<int>& found) {
  ++stamp_;
  found.clear();
  open_.assign(1, from);
  mark_[at(from)] = stamp_;
  while (!open_.empty()) {
    const int at_now = open_.back();
    open_.pop_back();
    for (int neighbour : (forward ? next_ : before_)[at(at_now)]) {
      const int n = find(neighbour);
      if (n == target) {
        if (at_now != from) return false;
        continue;
      }
      if (mark_[at(n)] == stamp_ || (forward ? rank_[at(n)] > limit : rank_[at(n)] < limit)) continue;
      mark_[at(n)] = stamp_;
      found.push_back(n);
      open_.push_back(n);
    }
  }
  return true;
}

bool ClusterDag::merge(int a, int b) {
  a = find(a);
  b = find(b);
  if (a == b) return true;
  if (rank_[at(a)] > rank_[at(b)]) std::swap(a, b);
  std::vector<int>&after = after_merged_, &before = before_merged_, &ranks = ranks_;
  if (!reach(a, b, true, rank_[at(b)], after)) return false;
  reach(b, a, false, rank_[at(a)], before);

  // Of the ranks in play: first what b needs, then the union, then what a feeds.
  const auto by_rank = [&](int x, int y) { return rank_[at(x)] < rank_[at(y)]; };
  std::sort(after.begin(), after.end(), by_rank);
  std::sort(before.begin(), before.end(), by_rank);
  ranks.assign({rank_[at(a)], rank_[at(b)]});
  for (const auto* side : {&before, &after})
    for (int x : *side) ranks.push_back(rank_[at(x)]);
  std::sort(ranks.begin(), ranks.end());
  std::size_t slot = 0;
  for (int x : before) rank_[at(x)] = ranks[slot++];
  rank_[at(a)] = ranks[slot];
  slot += 2;
  for (int x : after) rank_[at(x)] = ranks[slot++];

  parent_[at(b)] = a;
  for (auto* edges : {&next_, &before_}) {
    auto &into = (*edges)[at(a)], &from = (*edges)[at(b)];
    edges_.clear();
    for (const auto* part : {&into, &from})
      for (int x : *part)
        if (const int to = find(x); to != a) edges_.push_back(to);
    std::sort(edges_.begin(), edges_.end());
    into = {edges_.begin(), std::unique(edges_.begin(), edges_.end())};
    from = {};
  }
  return true;
}

}  // namespace uwaga
