#include <uwaga/codegen/cuda/internal/block_reduce.h>

#include <algorithm>

namespace uwaga::cuda {

using schedule::kSumBlock;
using schedule::kSumLanes;

BlockReduce::BlockReduce(kernel::Inline& x, Ex thread, const std::vector<Reduction>& reductions)
    : x_(x), b_(x.builder()), thread_(thread), reductions_(reductions) {
  for (const Reduction& r : reductions) shared_.push_back(b_.shared(r.dtype, b_.integer(kSumLanes)));
}

std::vector<Ex> BlockReduce::identities() {
  std::vector<Ex> out;
  for (const Reduction& r : reductions_) out.push_back(b_.variable(r.identity));
  return out;
}

// A tree over the threads at distance 32, 16, ... 1, in shared memory.
std::vector<Ex> BlockReduce::join(const std::vector<Ex>& lanes) {
  for (std::size_t r = 0; r < lanes.size(); ++r) b_.store(shared_[r], thread_, lanes[r]);
  b_.barrier();
  for (int s = kSumLanes / 2; s >= 1; s /= 2) {
    x_.branch(thread_ < s, [&] {
      for (std::size_t r = 0; r < lanes.size(); ++r)
        b_.store(shared_[r], thread_, b_.apply(reductions_[r].op, {b_.load(shared_[r], thread_), b_.load(shared_[r], thread_ + s)}));
    });
    b_.barrier();
  }
  std::vector<Ex> out;
  for (std::size_t r = 0; r < lanes.size(); ++r) out.push_back(b_.let(b_.load(shared_[r], b_.integer(0))));
  b_.barrier();  // all have read before anybody writes again
  return out;
}

std::vector<Ex> BlockReduce::block(Ex begin, Ex end, const Terms& terms) {
  const std::vector<Ex> lanes = identities();
  x_.loop(begin + thread_, end, kSumLanes, [&](Ex i) {
    const std::vector<Ex> t = terms(i);
    for (std::size_t r = 0; r < lanes.size(); ++r) b_.assign(lanes[r], b_.apply(reductions_[r].op, {lanes[r], t[r]}));
  });
  return join(lanes);
}

std::vector<Ex> BlockReduce::row(Ex n, const Terms& terms) {
  if (const std::int64_t* c = kernel::constant_of(n); c && *c <= kSumBlock) return block(b_.integer(0), n, terms);
  // A level above: the blocks' results are terms themselves, of lane (block mod 64).
  const std::vector<Ex> lanes = identities();
  x_.loop(b_.integer(0), n, kSumBlock, [&](Ex begin) {
    const std::vector<Ex> results = block(begin, b_.let(min(begin + kSumBlock, n)), terms);
    const Ex mine = b_.let(equal(begin / kSumBlock % kSumLanes, thread_));
    for (std::size_t r = 0; r < lanes.size(); ++r)
      b_.assign(lanes[r], b_.select(mine, b_.apply(reductions_[r].op, {lanes[r], results[r]}), lanes[r]));
  });
  return join(lanes);
}

}  // namespace uwaga::cuda
