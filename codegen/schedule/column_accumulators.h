// Accumulators of reductions down columns: some lanes of the terms (schedule/reduce.h), each a row of neighbouring columns in
// scratch that stays in L1.
#pragma once

#include <vector>

#include <uwaga/codegen/schedule/reduce.h>

namespace uwaga::schedule {

class ColumnAccumulators {
 public:
  // `rows` of `vectors` vectors a reduction. `x` and `reductions` must live as long.
  ColumnAccumulators(Inline& x, const std::vector<Reduction>& reductions, int rows, int lanes, int vectors);

  // For so many terms. A row that none of them goes to stays out: joined, it would change nothing.
  void clear(Ex terms);
  void add(std::size_t reduction, Ex row, int vector, Ex term);
  // Joins the rows, a power of two of them, at distance rows / 2, ... 1.
  void join(Ex terms);
  Ex result(std::size_t reduction, int vector);

 private:
  Inline& x_;
  KernelBuilder& b_;
  const std::vector<Reduction>& reductions_;
  std::vector<kernel::BufferId> buffers_;
  int rows_, lanes_, width_;
};

}  // namespace uwaga::schedule
