#include <uwaga/codegen/cuda/internal/attention_kernel.h>

#include <algorithm>
#include <set>

#include <uwaga/codegen/lower/table.h>
#include <uwaga/codegen/schedule/attention_mask.h>
#include <uwaga/ir/error.h>

namespace uwaga::cuda {

AttentionKernel::AttentionKernel(const std::string& kind, const FlatAttention& flat, const AttentionForm& form)
    : g_(flat.graph.data()), f_(form), p_(plan_passes(g_, form)), b_(kind), x_(b_, flat.graph, flat.cluster, flat.layouts, out_) {
  x_.let_every_op();
  algorithm();
  keys_ = x_.extent(f_.space.extent(f_.key));
  queries_ = x_.extent(f_.space.extent(f_.query));
}

void AttentionKernel::take_memory(const std::vector<Value>& values, std::size_t most, std::size_t row_buffers) {
  constexpr std::int64_t kBytes = 48 << 10;  // that every GPU has
  constexpr std::int64_t kOperands = kTerms * 128;
  const std::vector<const TileDot*> dots = dots_of(values);
  const auto fits = [&](std::size_t tiles, std::int64_t keys) {
    const auto numbers = static_cast<std::int64_t>(dots.size() + tiles) * keys * kQueries + kOperands + static_cast<std::int64_t>(row_buffers) * kQueries;
    return numbers * 4 <= kBytes;
  };
  keys_a_tile_ = 32;
  while (most > 1 && !fits(most, keys_a_tile_)) --most;
  if (!fits(most, keys_a_tile_)) keys_a_tile_ = 16;
  check_internal(fits(most, keys_a_tile_), "the scores of an attention do not fit in the shared memory of a block");
  operands_ = b_.shared(DType::f32, b_.integer(kOperands));
  for (const TileDot* d : dots) {
    const BufferId at = scores_[d->node] = b_.shared(DType::f32, b_.integer(keys_a_tile_ * kQueries));
    x_.define({d->node, 0}, [this, at](const IndexEnv&) { return b_.load(at, key_in_tile_ * kQueries + row_); });
  }
  for (std::size_t i = 0; i < most; ++i) tiles_.push_back(b_.shared(DType::f32, b_.integer(keys_a_tile_ * kQueries)));
}

void AttentionKernel::begin_threads() {
  thread_ = b_.threads(kThreads);
  low_ = b_.let(thread_ % kSide);
  high_ = b_.let(thread_ / kSide);
  row_ = b_.let(thread_ % kQueries);
  group_ = b_.let(thread_ / kQueries);
}

void AttentionKernel::spread(IndexEnv& env, const AxisNames& axes, Ex flat) {
  algorithm();
  schedule::spread_flat(x_, env, axes, f_.space, Index::scalar(flat));
  for (const std::string& axis : axes) env.axes[axis].base = b_.let(env.axes[axis].base);
}

std::uint32_t AttentionKernel::row_temporary(NodeId reduction) const {
  return static_cast<std::uint32_t>(std::find(f_.reductions.begin(), f_.reductions.end(), reduction) - f_.reductions.begin());
}

void AttentionKernel::set_queries(Ex block) {
  algorithm();
  q0_ = b_.let(block * kQueries);
  count_ = b_.let(min(queries_ - q0_, b_.integer(kQueries)));
  query_ = b_.let(min(q0_ + row_, queries_ - 1));
}

void AttentionKernel::may(Ex begin, Ex end, const std::function<void()>& body) {
  algorithm();
  Ex possible;
  if (f_.mask) possible = schedule::may_hold(x_, *f_.mask, {{f_.query, {q0_, q0_ + count_ - 1}}, {f_.key, {begin, end - 1}}});
  if (possible) x_.branch(possible, body);
  else body();
}

void AttentionKernel::key_blocks(const std::function<void(Ex begin, Ex end)>& body) {
  algorithm();
  x_.loop(b_.integer(0), keys_, kKeys, [&](Ex begin) {
    const Ex end = b_.let(min(begin + kKeys, keys_));
    may(begin, end, [&] { body(begin, end); });
  });
}

void AttentionKernel::where_possible(Ex k0, Ex end, const std::function<void()>& body) { may(k0, end, body); }

std::vector<const TileDot*> AttentionKernel::dots_of(const std::vector<Value>& values) const {
  std::set<Value> seen;
  std::vector<const TileDot*> out;
  const std::function<void(Value)> walk = [&](Value v) {
    if (!f_.dependent.contains(v.node) || !f_.is_tile(g_.type(v)) || !seen.insert(v).second) return;
    for (const TileDot& d : f_.dots)
      if (d.node == v.node) return out.push_back(&d);
    for (Value o : g_.node(v.node).operands) walk(o);
  };
  for (Value v : values) walk(v);
  return out;
}

void AttentionKernel::fill(std::int64_t count, const std::function<std::pair<Ex, Ex>(Ex flat)>& element) {
  x_.loop(thread_, b_.integer(count), kThreads, [&](Ex flat) {
    const kernel::Ordinal around = b_.ordinal();
    const auto [at, value] = element(flat);
    b_.store(operands_, at, value);
    b_.at(around);
  });
}

void AttentionKernel::multiply_add(const std::vector<Ex>& sums, const std::vector<Ex>& left, const std::vector<Ex>& right) {
  for (std::size_t i = 0; i < left.size(); ++i)
    for (std::size_t j = 0; j < right.size(); ++j) {
      const Ex sum = sums[i * right.size() + j];
      b_.assign(sum, b_.fma(left[i], right[j], sum));
    }
}

void AttentionKernel::multiply_add(const std::vector<Ex>& sums, std::int64_t rows, std::int64_t columns, BufferId tile, Ex left_at, Ex right_at) {
  std::vector<Ex> left, right;
  for (std::int64_t i = 0; i < rows; ++i) left.push_back(b_.let(b_.load(tile, left_at + high_ + i * kSide)));
  for (std::int64_t j = 0; j < columns; ++j) right.push_back(b_.let(b_.load(operands_, right_at + low_ + j * kSide)));
  multiply_add(sums, left, right);
}

void AttentionKernel::dot(const TileDot& d, Ex k0) {
  x_.at(d.node);
  const std::int64_t n = features_of(d.query_side, d.feature), part = std::min(n, kTerms), rows = keys_a_tile_ / kSide;
  // One more than a multiple of the banks: threads that store down a column do not meet.
  const std::int64_t query_pitch = kQueries + 1, key_pitch = keys_a_tile_ + 1, keys_at = part * query_pitch;
  std::vector<Ex> sums;
  for (std::int64_t i = 0; i < rows * kRows; ++i) sums.push_back(b_.variable(b_.real(0)));
  x_.loop(b_.integer(0), b_.integer(n), part, [&](Ex first) {
    const auto feature = [&](Ex flat) { return Index::scalar(b_.let(min(first + flat % part, b_.integer(n - 1)))); };
    fill(part * kQueries, [&](Ex flat) {
      const Ex query = b_.let(min(q0_ + flat / part, queries_ - 1));
      const Ex value = x_.value(d.query_side, env_.with(f_.query, Index::scalar(query)).with(d.feature, feature(flat)));
      return std::pair(flat % part * query_pitch + flat / part, value);
    });
    fill(part * keys_a_tile_, [&](Ex flat) {
      const Ex key = b_.let(min(k0 + flat / part, keys_ - 1));
      const Ex value = x_.value(d.key_side, env_.with(f_.key, Index::scalar(key)).with(d.feature, feature(flat)));
      return std::pair(flat % part * key_pitch + flat / part + keys_at, value);
    });
    b_.barrier();
    x_.loop(b_.integer(0), b_.let(min(b_.integer(n) - first, b_.integer(part))), 1, [&](Ex term) {
      std::vector<Ex> keys, queries;
      for (std::int64_t i = 0; i < rows; ++i) keys.push_back(b_.let(b_.load(operands_, term * key_pitch + high_ + (keys_at + i * kSide))));
      for (std::int64_t j = 0; j < kRows; ++j) queries.push_back(b_.let(b_.load(operands_, term * query_pitch + low_ + j * kSide)));
      multiply_add(sums, keys, queries);
    });
    b_.barrier();
  });
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < kRows; ++j)
      b_.store(scores_.at(d.node), (high_ + i * kSide) * kQueries + low_ + j * kSide, sums[static_cast<std::size_t>(i * kRows + j)]);
  b_.barrier();
}

void AttentionKernel::hoist_rows(const std::vector<Value>& values) {
  const IndexEnv env = env_.with(f_.query, Index::scalar(query_));
  std::set<Value> done;
  const std::function<void(Value)> walk = [&](Value v) {
    if (!done.insert(v).second) return;
    if (f_.is_row(g_.type(v))) {
      x_.hoist(v, env);
      algorithm();
      return;
    }
    if (!f_.is_tile(g_.type(v)) || !x_.computes(v.node) || !kernel::keeps_indices(g_.node(v.node))) return;
    if (std::any_of(f_.dots.begin(), f_.dots.end(), [&](const TileDot& d) { return d.node == v.node; })) return;
    for (Value o : g_.node(v.node).operands) walk(o);
  };
  for (Value v : values) walk(v);
}

void AttentionKernel::elements(const std::vector<Value>& values, Ex k0) {
  const IndexEnv env = env_.with(f_.query, Index::scalar(query_));
  algorithm();
  x_.loop(group_, b_.integer(keys_a_tile_), kThreads / kQueries, [&](Ex key) {
    key_in_tile_ = key;
    const IndexEnv at = env.with(f_.key, Index::scalar(b_.let(min(k0 + key, keys_ - 1))));
    std::vector<Ex> computed;
    for (Value v : values) {
      computed.push_back(b_.let(x_.value(v, at)));
      algorithm();
    }
    for (std::size_t i = 0; i < values.size(); ++i) b_.store(tiles_[i], key * kQueries + row_, computed[i]);
  });
  b_.barrier();
}

void AttentionKernel::in_tiles(const std::vector<Value>& values, Ex k0, const std::function<void(std::size_t first, std::size_t count)>& body) {
  for (std::size_t first = 0; first < values.size(); first += tiles_.size()) {
    const std::size_t count = std::min(values.size() - first, tiles_.size());
    elements({values.begin() + static_cast<std::ptrdiff_t>(first), values.begin() + static_cast<std::ptrdiff_t>(first + count)}, k0);
    body(first, count);
    b_.barrier();  // all have read before the tiles are written again
  }
}

}  // namespace uwaga::cuda
