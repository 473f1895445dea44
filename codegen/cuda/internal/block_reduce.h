// Sums and maxima by the 64 threads of a block, in the order of codegen/schedule/reduce.h: thread t holds lane t.
#pragma once

#include <functional>
#include <vector>

#include <uwaga/codegen/schedule/reduce.h>

namespace uwaga::cuda {

using kernel::Ex;
using schedule::Reduction;

class BlockReduce {
 public:
  // `thread` of kSumLanes. All threads call what follows together.
  BlockReduce(kernel::Inline& x, Ex thread, const std::vector<Reduction>& reductions);

  // The term at an index along the reduced axis, one a reduction; called where it is below the end, in a block of its own.
  using Terms = std::function<std::vector<Ex>(Ex i)>;
  // Reduces terms [0, n); the result is known to every thread.
  std::vector<Ex> row(Ex n, const Terms& terms);
  // The same within one block: end - begin <= kSumBlock.
  std::vector<Ex> block(Ex begin, Ex end, const Terms& terms);

 private:
  std::vector<Ex> identities();
  std::vector<Ex> join(const std::vector<Ex>& lanes);

  kernel::Inline& x_;
  kernel::KernelBuilder& b_;
  Ex thread_;
  const std::vector<Reduction>& reductions_;
  std::vector<kernel::BufferId> shared_;
};

}  // namespace uwaga::cuda
