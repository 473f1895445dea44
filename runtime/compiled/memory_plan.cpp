#include <uwaga/runtime/compiled/internal/memory_plan.h>

#include <algorithm>
#include <utility>
#include <map>
#include <numeric>
#include <set>

namespace uwaga {

Placement place(const std::vector<Lifetime>& blocks, const Sizes& sizes) {
  constexpr std::int64_t kAlignment = 64;
  Placement plan;
  plan.offsets.resize(blocks.size());

  std::vector<std::size_t> by_first(blocks.size());
  std::iota(by_first.begin(), by_first.end(), std::size_t{0});
  std::sort(by_first.begin(), by_first.end(), [&](std::size_t a, std::size_t b) { return std::pair(blocks[a].first, a) < std::pair(blocks[b].first, b); });

  // Walks the steps; a block that dies gives its room back, a new one takes the smallest hole it fits in.
  std::map<std::int64_t, std::int64_t> holes;                // offset -> size, never adjacent
  std::multimap<int, std::pair<std::int64_t, std::int64_t>> dying;  // last step -> (offset, size)
  const auto give_back = [&](std::int64_t offset, std::int64_t size) {
    auto next = holes.lower_bound(offset);
    if (next != holes.end() && next->first == offset + size) {
      size += next->second;
      next = holes.erase(next);
    }
    if (next != holes.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == offset) {
        before->second += size;
        return;
      }
    }
    holes.emplace(offset, size);
  };

  for (std::size_t i : by_first) {
    const Lifetime& block = blocks[i];
    while (!dying.empty() && dying.begin()->first < block.first) {
      const auto [offset, size] = dying.begin()->second;
      give_back(offset, size);
      dying.erase(dying.begin());
    }
    const std::int64_t bytes = (block.bytes.evaluate(sizes) + (block.parts - 1)) / block.parts;
    const std::int64_t size = std::max<std::int64_t>((bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
    auto best = holes.end();
    for (auto it = holes.begin(); it != holes.end(); ++it)
      if (it->second >= size && (best == holes.end() || it->second < best->second)) best = it;
    std::int64_t offset;
    if (best != holes.end()) {
      offset = best->first;
      const std::int64_t rest = best->second - size;
      holes.erase(best);
      if (rest > 0) holes.emplace(offset + size, rest);
    } else {
      // A hole at the very end grows.
      if (!holes.empty() && holes.rbegin()->first + holes.rbegin()->second == plan.arena_bytes) {
        offset = holes.rbegin()->first;
        holes.erase(std::prev(holes.end()));
      } else {
        offset = plan.arena_bytes;
      }
      plan.arena_bytes = offset + size;
    }
    plan.offsets[i] = offset;
    dying.emplace(block.last, std::pair{offset, size});
  }
  return plan;
}

}  // namespace uwaga
