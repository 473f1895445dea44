#include <algorithm>

#include <uwaga/codegen/cuda/internal/schedules.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/ir/error.h>

namespace uwaga::cuda {
namespace {

using namespace kernel;
using namespace schedule;

// Terms of one fma chain; part of the meaning of a sum (contracts, section 3).
constexpr std::int64_t kChain = 512;
// What a block of threads computes, the terms it holds in shared memory at a time, and what one thread computes: elements
// kSide apart, so that neighbours in a warp read and store neighbours.
constexpr int kTile = 64, kTerms = 16, kThreads = 256, kEach = 4, kSide = kTile / kEach;

class Contraction {
 public:
  Contraction(const Graph& graph, const Cluster& cluster, const Layouts& layouts)
      : g_(graph.data()), cluster_(cluster), layouts_(layouts), roles_(find_roles(g_, cluster, layouts)),
        x_(b_, graph, cluster, layouts, out_) {
    dtype_ = computing(g_.node(roles_.node).types[0].dtype);
    if (computing(g_.type(roles_.a).dtype) == DType::f32) dtype_ = DType::f32;
  }

  Schedule write() {
    b_.at(roles_.ordinal);
    const Type& t = g_.node(roles_.node).types[0];
    const Type &a = g_.type(roles_.a), &b = g_.type(roles_.b);
    m_ = x_.extent(product(a, roles_.rows));
    n_ = x_.extent(product(b, roles_.columns));
    k_ = x_.extent(product(a, roles_.over));
    const Ex entry = b_.grid(x_.extent(product(t, roles_.batch)));
    row0_ = b_.grid((m_ + (kTile - 1)) / kTile) * kTile;
    column0_ = b_.grid((n_ + (kTile - 1)) / kTile) * kTile;
    thread_ = b_.threads(kThreads);
    tile_a_ = b_.shared(dtype_, b_.integer(kTile * kTerms));
    tile_b_ = b_.shared(dtype_, b_.integer(kTile * kTerms));
    tile_c_ = b_.shared(dtype_, b_.integer(kTile * kTile));  // in f64 all three are the 48 KiB that every GPU has
    spread_flat(x_, base_, roles_.batch, t, Index::scalar(entry));
    my_row_ = b_.let(thread_ / kSide);
    my_column_ = b_.let(thread_ % kSide);

    std::vector<Ex> sums, totals;
    for (int i = 0; i < kEach * kEach; ++i) sums.push_back(b_.variable(zero()));
    const auto terms = product(a, roles_.over).constant();
    if (terms && *terms <= kChain) {
      chain(b_.integer(0), k_, sums);
      totals = sums;
    } else {
      for (int i = 0; i < kEach * kEach; ++i) totals.push_back(b_.variable(zero()));
      x_.loop(b_.integer(0), k_, kChain, [&](Ex begin) {
        for (const Ex& s : sums) b_.assign(s, zero());
        chain(begin, b_.let(min(begin + kChain, k_)), sums);
        const Ex first = b_.let(equal(begin, b_.integer(0)));
        for (std::size_t i = 0; i < sums.size(); ++i) b_.assign(totals[i], b_.select(first, sums[i], totals[i] + sums[i]));
      });
    }
    epilogue(totals);
    Schedule s;
    out_.kernel = b_.finish();
    s.kernels.push_back(std::move(out_));
    return s;
  }

 private:
  Ex zero() { return is_float(dtype_) ? b_.real(0, dtype_) : b_.integer(0, dtype_); }
  Ex mac(Ex a, Ex b, Ex sum) { return is_float(dtype_) ? b_.fma(a, b, sum) : sum + a * b; }

  // Is the fastest axis of a stored operand a contracted one? Its tile is then read along the terms, else along the other
  // side, so that neighbouring threads read neighbours in memory.
  bool along_terms(Value v) const {
    while (x_.computes(v.node) && !g_.node(v.node).operands.empty()) v = g_.node(v.node).operands[0];
    const auto layout = layouts_.find(v);
    const AxisNames order = layout != layouts_.end() ? layout->second.order : g_.type(v).axes();
    return !order.empty() && contains(roles_.over, order.back());
  }

  // One operand's tile, terms [k0, k0 + kTerms) by kTile of its own axes: 0 beyond the ends. tile[term * kTile + i].
  void fill(BufferId tile, Value operand, const AxisNames& own, Ex first, Ex limit, Ex k0, Ex k_end) {
    const bool terms_fastest = along_terms(operand);
    x_.loop(thread_, b_.integer(kTile * kTerms), kThreads, [&](Ex flat) {
      const Ex term = b_.let(terms_fastest ? flat % kTerms : flat / kTile), i = b_.let(terms_fastest ? flat / kTerms : flat % kTile);
      const Ex at = b_.let(term * kTile + i);
      x_.branch(first + i < limit && k0 + term < k_end,
                [&] {
                  IndexEnv env = base_;
                  spread_flat(x_, env, own, g_.type(operand), Index::scalar(b_.let(first + i)));
                  spread_flat(x_, env, roles_.over, g_.type(operand), Index::scalar(b_.let(k0 + term)));
                  Ex v = x_.value(operand, env);
                  if (v.type().dtype != dtype_) v = b_.cast(v, dtype_);
                  b_.at(roles_.ordinal);
                  b_.store(tile, at, v);
                },
                [&] { b_.store(tile, at, zero()); });
    });
  }

  // Terms [begin, end) added to the sums in index order.
  void chain(Ex begin, Ex end, const std::vector<Ex>& sums) {
    x_.loop(begin, end, kTerms, [&](Ex k0) {
      fill(tile_a_, roles_.a, roles_.rows, row0_, m_, k0, end);
      fill(tile_b_, roles_.b, roles_.columns, column0_, n_, k0, end);
      b_.at(roles_.ordinal);
      b_.barrier();
      x_.loop(b_.integer(0), b_.let(min(end - k0, b_.integer(kTerms))), 1, [&](Ex term) {
        std::vector<Ex> a, b;
        for (int i = 0; i < kEach; ++i) a.push_back(b_.let(b_.load(tile_a_, term * kTile + my_row_ + i * kSide)));
        for (int i = 0; i < kEach; ++i) b.push_back(b_.let(b_.load(tile_b_, term * kTile + my_column_ + i * kSide)));
        for (std::size_t i = 0; i < kEach; ++i)
          for (std::size_t j = 0; j < kEach; ++j) b_.assign(sums[i * kEach + j], mac(a[i], b[j], sums[i * kEach + j]));
      });
      b_.barrier();
    });
  }

  // The sums go through shared memory, so that the epilogue is written once, in a loop, and neighbouring threads store
  // neighbours.
  void epilogue(const std::vector<Ex>& totals) {
    const Type& t = g_.node(roles_.node).types[0];
    for (int i = 0; i < kEach; ++i)
      for (int j = 0; j < kEach; ++j)
        b_.store(tile_c_, (my_row_ + i * kSide) * kTile + (my_column_ + j * kSide), totals[static_cast<std::size_t>(i * kEach + j)]);
    b_.barrier();
    Ex current;
    x_.define({roles_.node, 0}, [&](const IndexEnv&) { return current; });
    x_.loop(thread_, b_.integer(kTile * kTile), kThreads, [&](Ex flat) {
      b_.at(roles_.ordinal);
      const Ex row = b_.let(row0_ + flat / kTile), column = b_.let(column0_ + flat % kTile);
      x_.branch(row < m_ && column < n_, [&] {
        IndexEnv at = base_;
        spread_flat(x_, at, roles_.rows, t, Index::scalar(row));
        spread_flat(x_, at, roles_.columns, t, Index::scalar(column));
        current = b_.let(x_.rounded(b_.load(tile_c_, flat), t.dtype));
        const auto envs = epilogue_envs(x_, roles_.node, at);
        std::vector<Ex> values;
        for (Value v : cluster_.outputs) values.push_back(b_.let(x_.value(v, envs.at(v))));
        for (std::size_t o = 0; o < values.size(); ++o) x_.store(cluster_.outputs[o], envs.at(cluster_.outputs[o]), values[o]);
      });
    });
  }

  const GraphData& g_;
  const Cluster& cluster_;
  const Layouts& layouts_;
  Roles roles_;
  KernelBuilder b_{"contraction"};
  ScheduledKernel out_;
  Inline x_;
  DType dtype_ = DType::f32;
  BufferId tile_a_ = 0, tile_b_ = 0, tile_c_ = 0;
  IndexEnv base_;
  Ex m_, n_, k_, row0_, column0_, thread_, my_row_, my_column_;
};

}  // namespace

Schedule contraction(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  return Contraction(graph, cluster, layouts).write();
}

}  // namespace uwaga::cuda
