#include <optional>

#include <uwaga/codegen/kernel/internal/fold.h>
#include <uwaga/codegen/kernel/sums.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

constexpr std::int64_t kManyBlocks = kSumBlock * kSumBlock;  // terms in a block of blocks

// A partial sum starts at +0 and so is never -0: adding +0 to it changes nothing. Masked lanes and empty lanes rely on that.
Ex zero(KernelBuilder& b, VType t) {
  return b.splat(is_float(t.dtype) ? b.real(0, t.dtype) : b.integer(0, t.dtype), t.lanes);
}

// The tree over 64 lanes, each computed when it is needed: node i of level k is node i plus node i + 2^k of level k + 1, and
// level 6 are the lanes.
Ex walk_tree(KernelBuilder& b, VType type, Ex lane, int level, const std::function<Ex(Ex)>& leaf) {
  if (level == 6) return leaf(lane);
  const Ex node = b.variable(zero(b, type));
  b.loop(b.integer(0), b.integer(2), 1, [&](Ex j) {
    const Ex child = walk_tree(b, type, b.let(lane + j * (std::int64_t{1} << level)), level + 1, leaf);
    b.assign(node, node + child);
  });
  return node;
}
Ex walk_tree(KernelBuilder& b, VType type, const std::function<Ex(Ex)>& leaf) { return walk_tree(b, type, b.integer(0), 0, leaf); }

// 64 lanes of a level above the first, in scratch.
struct Level {
  BufferId lanes;
  VType type;

  Level(KernelBuilder& b, VType t) : lanes(b.scratch(t.dtype, b.integer(kSumLanes * t.lanes))), type(t) {}
  Ex place(KernelBuilder& b, Ex lane) const { return b.ramp(lane * type.lanes, type.lanes); }
  void clear(KernelBuilder& b) const {
    b.loop(b.integer(0), b.integer(kSumLanes), 1, [&](Ex i) { b.store(lanes, place(b, i), zero(b, type)); });
  }
  void add(KernelBuilder& b, Ex number, Ex value) const {
    const Ex at = place(b, b.let(number % kSumLanes));
    b.store(lanes, at, b.load(lanes, at) + value);
  }
  Ex total(KernelBuilder& b) const {
    return walk_tree(b, type, [&](Ex i) { return b.let(b.load(lanes, place(b, i))); });
  }
};

// The sum of n terms from the sums of blocks [first, end).
Ex sum_of_blocks(KernelBuilder& b, Ex n, VType type, const std::function<Ex(Ex first, Ex end)>& block) {
  const std::int64_t* known = fold::constant(n);
  const std::optional<std::int64_t> terms = known ? std::optional(*known) : std::nullopt;
  if (terms && *terms <= kSumBlock) return block(b.integer(0), n);
  const auto blocks = [&](Ex begin, Ex end) {
    const Level level(b, type);
    level.clear(b);
    b.loop(begin, end, kSumBlock, [&](Ex first) {
      const Ex sum = block(first, b.let(min(first + kSumBlock, end)));
      level.add(b, first / kSumBlock, sum);
    });
    return level.total(b);
  };
  if (terms && *terms <= kManyBlocks) return blocks(b.integer(0), n);
  const Level top(b, type);
  top.clear(b);
  b.loop(b.integer(0), n, kManyBlocks, [&](Ex first) {
    const Ex sum = blocks(first, b.let(min(first + kManyBlocks, n)));
    top.add(b, first / kManyBlocks, sum);
  });
  return top.total(b);
}

}  // namespace

Ex sum_lanes_tree(KernelBuilder& b, std::vector<Ex> v) {
  check_internal(!v.empty() && v.size() * static_cast<std::size_t>(v[0].type().lanes) == kSumLanes, "a tree of other than 64 lanes");
  while (v.size() > 1) {
    const std::size_t half = v.size() / 2;
    for (std::size_t i = 0; i < half; ++i) v[i] = v[i] + v[i + half];
    v.resize(half);
  }
  Ex x = v[0];
  for (int width = x.type().lanes; width > 1; width /= 2) x = b.lanes(x, 0, width / 2) + b.lanes(x, width / 2, width / 2);
  return b.let(x);
}

Ex block_sum(KernelBuilder& b, Ex first, Ex end, int lanes, DType dtype, const Terms& terms) {
  check_internal(lanes >= 1 && kSumLanes % lanes == 0, "a sum by vectors whose width does not divide 64");
  const VType type{dtype, lanes};
  std::vector<Ex> partial;
  for (int i = 0; i < kSumLanes / lanes; ++i) partial.push_back(b.variable(zero(b, type)));
  const auto at = [&](Ex i, int j) { return i + static_cast<std::int64_t>(j) * lanes; };
  const Ex whole = b.let(first + (end - first) / kSumLanes * kSumLanes);
  b.loop(first, whole, kSumLanes, [&](Ex i) {
    for (int j = 0; j < kSumLanes / lanes; ++j) {
      Ex& sum = partial[static_cast<std::size_t>(j)];
      b.assign(sum, sum + terms(at(i, j), lanes, {}));
    }
  });
  b.branch(whole < end, [&] {
    for (int j = 0; j < kSumLanes / lanes; ++j) {
      Ex& sum = partial[static_cast<std::size_t>(j)];
      const Ex start = at(whole, j), mask = b.let(b.ramp(start, lanes) < end);
      b.assign(sum, sum + b.select(mask, terms(start, lanes, mask), zero(b, type)));
    }
  });
  return sum_lanes_tree(b, partial);
}

Ex contiguous_sum(KernelBuilder& b, Ex n, int lanes, DType dtype, const Terms& terms) {
  return sum_of_blocks(b, n, {dtype, 1}, [&](Ex first, Ex end) { return block_sum(b, first, end, lanes, dtype, terms); });
}

Ex column_block_sum(KernelBuilder& b, Ex first, Ex end, VType type, const Term& term) {
  return walk_tree(b, type, [&](Ex lane) {
    const Ex sum = b.variable(zero(b, type));
    b.loop(b.let(first + lane), end, kSumLanes, [&](Ex i) { b.assign(sum, sum + term(i)); });
    return sum;
  });
}

Ex column_sum(KernelBuilder& b, Ex n, VType type, const Term& term) {
  return sum_of_blocks(b, n, type, [&](Ex first, Ex end) { return column_block_sum(b, first, end, type, term); });
}

}  // namespace uwaga::kernel
