#include <uwaga/codegen/schedule/reduce.h>

#include <algorithm>

#include <uwaga/codegen/lower/rows.h>

namespace uwaga::schedule {
namespace {

// Up to this cost the loop body is written once for each vector of the 64 lanes, with accumulators in registers; beyond,
// the body is long enough to hide that they are in memory, and is written once.
constexpr int kUnrolledCost = 10;

// As many tasks read as fast as a memory gives: more of them gain little.
constexpr std::int64_t kBusyTasks = 24;
// Terms that a thread must be spared for a second launch to pay.
constexpr std::int64_t kWorthSparing = 1 << 17;

Ex combine(KernelBuilder& b, Op op, Ex x, Ex y) { return b.apply(op, {x, y}); }

Ex masked(KernelBuilder& b, Ex mask, Ex x, Ex identity) { return mask ? b.select(mask, x, identity) : x; }

}  // namespace

Reduction reduction_of(KernelBuilder& b, const GraphData& graph, NodeId id) {
  const Node& n = graph.node(id);
  const DType d = kernel::computing(n.types[0].dtype);
  if (n.op == Op::reduce_max) return {{id, 0}, Op::max, d, kernel::lowest(b, d)};
  return {{id, 0}, Op::add, d, is_float(d) ? b.real(0, d) : b.integer(0, d)};
}

Ex join_lanes(KernelBuilder& b, Op op, std::vector<Ex> lanes) {
  while (lanes.size() > 1) {
    const std::size_t half = lanes.size() / 2;
    for (std::size_t i = 0; i < half; ++i) lanes[i] = b.let(combine(b, op, lanes[i], lanes[i + half]));
    lanes.resize(half);
  }
  Ex v = lanes[0];
  for (int s = v.type().lanes / 2; s >= 1; s /= 2) v = b.let(combine(b, op, b.lanes(v, 0, s), b.lanes(v, s, s)));
  return v;
}

namespace {

std::vector<Ex> unrolled_block(Inline& x, Ex begin, Ex end, int lanes, const std::vector<Reduction>& reductions, const Terms& terms) {
  KernelBuilder& b = x.builder();
  const int vectors = kSumLanes / lanes;
  std::vector<std::vector<Ex>> lane(reductions.size());
  for (std::size_t r = 0; r < reductions.size(); ++r)
    for (int u = 0; u < vectors; ++u) lane[r].push_back(b.variable(b.splat(reductions[r].identity, lanes)));
  const auto add = [&](int u, Ex at, Ex mask) {
    const std::vector<Ex> t = terms(Index::ramp(at, lanes, lanes), mask);
    for (std::size_t r = 0; r < reductions.size(); ++r) {
      const Ex v = lane[r][static_cast<std::size_t>(u)];
      b.assign(v, combine(b, reductions[r].op, v, masked(b, mask, b.splat(t[r], lanes), b.splat(reductions[r].identity, lanes))));
    }
  };
  Ex whole = begin + (end - begin) / kSumLanes * kSumLanes;
  if (!kernel::constant_of(whole)) whole = b.let(whole);
  x.loop(begin, whole, kSumLanes, [&](Ex i) {
    for (int u = 0; u < vectors; ++u) add(u, i + u * lanes, {});
  });
  // What is left, in one piece: a branch a vector is a block a vector to compile, and adding 0 changes no partial sum.
  x.branch(whole < end, [&] {
    for (int u = 0; u < vectors; ++u) {
      const Ex at = whole + u * lanes, last = at + (lanes - 1);
      const auto *first = kernel::constant_of(at), *l = kernel::constant_of(last), *e = kernel::constant_of(end);
      if (first && e && *first >= *e) break;
      add(u, at, l && e && *l < *e ? Ex{} : b.ramp(at, lanes) < end);
    }
  });
  std::vector<Ex> out;
  for (std::size_t r = 0; r < reductions.size(); ++r) out.push_back(join_lanes(b, reductions[r].op, lane[r]));
  return out;
}

std::vector<Ex> stored_block(Inline& x, Ex begin, Ex end, int lanes, const std::vector<Reduction>& reductions, const Terms& terms) {
  KernelBuilder& b = x.builder();
  std::vector<kernel::BufferId> lane;
  for (const Reduction& r : reductions) {
    lane.push_back(b.scratch(r.dtype, b.integer(kSumLanes)));
    for (int u = 0; u < kSumLanes; u += lanes) b.store(lane.back(), b.ramp(b.integer(u), lanes), b.splat(r.identity, lanes));
  }
  vector_loop(x, begin, end, lanes, [&](const Index& i, Ex mask) {
    const std::vector<Ex> t = terms(i, mask);
    const Ex at = b.ramp((i.base - begin) % kSumLanes, lanes);
    for (std::size_t r = 0; r < reductions.size(); ++r)
      b.store(lane[r], at,
              combine(b, reductions[r].op, b.load(lane[r], at),
                      masked(b, mask, b.splat(t[r], lanes), b.splat(reductions[r].identity, lanes))));
  });
  std::vector<Ex> out;
  for (std::size_t r = 0; r < reductions.size(); ++r) {
    std::vector<Ex> vectors;
    for (int u = 0; u < kSumLanes; u += lanes) vectors.push_back(b.let(b.load(lane[r], b.ramp(b.integer(u), lanes))));
    out.push_back(join_lanes(b, reductions[r].op, std::move(vectors)));
  }
  return out;
}

}  // namespace

std::vector<Ex> reduce_block(Inline& x, Ex begin, Ex end, int lanes, int cost, const std::vector<Reduction>& reductions,
                             const Terms& terms) {
  const bool registers = cost <= kUnrolledCost && static_cast<int>(reductions.size()) * kSumLanes / lanes <= 16;
  return registers ? unrolled_block(x, begin, end, lanes, reductions, terms) : stored_block(x, begin, end, lanes, reductions, terms);
}

std::vector<Ex> reduce_row(Inline& x, Ex n, int lanes, int cost, const std::vector<Reduction>& reductions, const Terms& terms) {
  KernelBuilder& b = x.builder();
  if (const std::int64_t* c = kernel::constant_of(n); c && *c <= kSumBlock)
    return reduce_block(x, b.integer(0), n, lanes, cost, reductions, terms);
  // A level above: the blocks' results are terms themselves.
  std::vector<kernel::BufferId> lane;
  for (const Reduction& r : reductions) {
    lane.push_back(b.scratch(r.dtype, b.integer(kSumLanes)));
    x.loop(b.integer(0), b.integer(kSumLanes), lanes, [&](Ex i) { b.store(lane.back(), b.ramp(i, lanes), b.splat(r.identity, lanes)); });
  }
  x.loop(b.integer(0), n, kSumBlock, [&](Ex begin) {
    const Ex end = b.let(min(begin + kSumBlock, n));
    const std::vector<Ex> block = reduce_block(x, begin, end, lanes, cost, reductions, terms);
    const Ex at = b.let(begin / kSumBlock % kSumLanes);
    for (std::size_t r = 0; r < reductions.size(); ++r)
      b.store(lane[r], at, combine(b, reductions[r].op, b.load(lane[r], at), block[r]));
  });
  std::vector<Ex> out;
  for (std::size_t r = 0; r < reductions.size(); ++r) {
    std::vector<Ex> vectors;
    for (int u = 0; u < kSumLanes; u += lanes) vectors.push_back(b.let(b.load(lane[r], b.ramp(b.integer(u), lanes))));
    out.push_back(join_lanes(b, reductions[r].op, std::move(vectors)));
  }
  return out;
}

void define_results(Inline& x, const std::vector<Reduction>& reductions, const std::vector<Ex>& results) {
  for (std::size_t r = 0; r < reductions.size(); ++r) {
    const Ex rounded = x.builder().let(x.rounded(results[r], x.graph().type(reductions[r].value).dtype));
    x.define(reductions[r].value, [rounded](const IndexEnv&) { return rounded; });
  }
}

bool divides(const Extent& terms, std::optional<std::int64_t> tasks, std::int64_t sums, const HostTarget& target) {
  const auto n = terms.constant();
  if (!n || *n <= kSumBlock) return false;
  if (*n > kSumBlock * kSumBlock) return true;
  if (!tasks || *tasks < 1 || *tasks >= std::min<std::int64_t>(target.threads, kBusyTasks)) return false;
  const std::int64_t alone = *n * sums, divided = std::max(alone * *tasks / target.threads, kSumBlock * sums);
  return alone - divided >= kWorthSparing;
}

Temporary of_blocks(DType dtype, const Extent& each, const Extent& terms, std::int64_t block) {
  if (const auto n = terms.constant()) return {dtype, each * Extent(parts(*n, block))};
  if (const auto q = terms.divided_by(block)) return {dtype, each * *q};
  return {dtype, each * (terms + (block - 1)), block};
}

}  // namespace uwaga::schedule
