#include <uwaga/codegen/schedule/column_accumulators.h>

namespace uwaga::schedule {

ColumnAccumulators::ColumnAccumulators(Inline& x, const std::vector<Reduction>& reductions, int rows, int lanes, int vectors)
    : x_(x), b_(x.builder()), reductions_(reductions), rows_(rows), lanes_(lanes), width_(lanes * vectors) {
  for (const Reduction& r : reductions) buffers_.push_back(b_.scratch(r.dtype, b_.integer(rows_ * width_)));
}

void ColumnAccumulators::clear(Ex terms) {
  // The first row is the result, also of no terms.
  x_.loop(b_.integer(0), max(min(terms, b_.integer(rows_)), b_.integer(1)) * width_, lanes_, [&](Ex i) {
    for (std::size_t r = 0; r < buffers_.size(); ++r)
      b_.store(buffers_[r], b_.ramp(i, lanes_), b_.splat(reductions_[r].identity, lanes_));
  });
}

void ColumnAccumulators::add(std::size_t r, Ex row, int vector, Ex term) {
  const Ex at = b_.ramp(row * width_ + vector * lanes_, lanes_);
  b_.store(buffers_[r], at, b_.apply(reductions_[r].op, {b_.load(buffers_[r], at), term}));
}

void ColumnAccumulators::join(Ex terms) {
  for (int s = rows_ / 2; s >= 1; s /= 2)
    x_.loop(b_.integer(0), min(terms - s, b_.integer(s)) * width_, lanes_, [&](Ex i) {
      for (std::size_t r = 0; r < buffers_.size(); ++r) {
        const Ex at = b_.ramp(i, lanes_), other = b_.ramp(i + s * width_, lanes_);
        b_.store(buffers_[r], at, b_.apply(reductions_[r].op, {b_.load(buffers_[r], at), b_.load(buffers_[r], other)}));
      }
    });
}

Ex ColumnAccumulators::result(std::size_t r, int vector) {
  return b_.load(buffers_[r], b_.ramp(b_.integer(vector * lanes_), lanes_));
}

}  // namespace uwaga::schedule
