#include <uwaga/codegen/schedule/columns.h>

#include <algorithm>
#include <optional>
#include <set>

#include <uwaga/codegen/schedule/column_accumulators.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/stages.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {
namespace {

constexpr int kPieceBytes = 128;  // of a row, a task: two cache lines

// How a cluster's columns lie, and how wide a task is.
struct Columns {
  Columns(const GraphData& g, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const Stages& s) {
    kept = collapse(g, cluster, layouts, s.space, s.space.without(s.over).axes());
    check_internal(!kept.empty(), "columns without an axis kept");
    column = kept.back();
    kept.pop_back();
    reduced = collapse(g, cluster, layouts, s.space, s.over);
    lanes = lanes_for(g, cluster, target, column.extent);
    rows_ahead = target.tuning.rows_ahead;
    known = column.extent.constant();
    const int most = std::max(1, kPieceBytes / target.vector_bytes);
    vectors = known ? static_cast<int>(std::clamp<std::int64_t>((*known + lanes - 1) / lanes, 1, most)) : most;
    whole_pieces = known && *known % width() == 0;
    any_size = whole_pieces && vectors == most && kept.empty() && reduced.size() == 1;
  }
  int width() const { return lanes * vectors; }
  Extent terms() const { return product(reduced); }
  bool divide(const HostTarget& target) const {
    const auto matrices = product(kept).constant();
    if (!matrices || !known) return divides(terms(), std::nullopt, width(), target);
    return divides(terms(), *matrices * parts(*known, width()), std::min<std::int64_t>(*known, width()), target);
  }

  std::vector<LoopAxis> kept, reduced;  // `kept`: but for the columns
  LoopAxis column;
  std::optional<std::int64_t> known;  // how many columns
  int lanes = 1, vectors = 1;
  std::int64_t rows_ahead = 0;
  bool whole_pieces = false;
  bool any_size = false;  // of matrices of as many whole pieces as there may be: those of all sizes have one kernel
};

// Writes one of the kernels.
class Writer {
 public:
  Writer(SumPart part, const char* kind, const Graph& graph, const Cluster& cluster, const Layouts& layouts, const Stages& s, const Columns& c)
      : part_(part), g_(graph.data()), s_(s), c_(c), b_(kind), x_(b_, graph, cluster, layouts, out_) {
    if (c.any_size) x_.let_sizes_be_arguments();
    for (NodeId id : s.reductions) reductions_.push_back(reduction_of(b_, g_, id));
    n_ = x_.extent(c.terms());
    wide_ = x_.extent(c.column.extent);
    blocks_ = (n_ + (kSumBlock - 1)) / kSumBlock;
    if (part == SumPart::all) return;
    for (const Reduction& r : reductions_)
      temporaries_.push_back(x_.temporary(r.dtype, static_cast<std::uint32_t>(temporaries_.size()), part == SumPart::blocks));
  }

  ScheduledKernel write() {
    auto terms = c_.terms().constant();
    if (terms && part_ == SumPart::total) terms = parts(*terms, kSumBlock);
    const bool one_block = part_ == SumPart::blocks || (terms && *terms <= kSumBlock);
    ColumnAccumulators block(x_, reductions_, kSumLanes, c_.lanes, c_.vectors);
    ColumnAccumulators total(x_, reductions_, kSumLanes, one_block ? 1 : c_.lanes, one_block ? 1 : c_.vectors);
    outer_ = c_.kept.empty() ? b_.integer(0) : b_.grid(x_.extent(product(c_.kept)));
    const Ex here = part_ == SumPart::blocks ? b_.grid(blocks_) : Ex{};
    first_ = b_.let(b_.grid((wide_ + (c_.width() - 1)) / c_.width()) * c_.width());
    task_ = zero_env(b_, s_.space);
    set_flat(x_, task_, c_.kept, Index::scalar(outer_));
    const auto walk = [&](bool whole) {
      whole_ = whole;
      if (part_ == SumPart::blocks) {
        const Ex begin = b_.let(here * kSumBlock);
        one_pass(block, begin, b_.let(min(begin + kSumBlock, n_)));
        for (std::size_t r = 0; r < reductions_.size(); ++r)
          for (int v = 0; v < c_.vectors; ++v) b_.store(temporaries_[r], of_block(here, v), block.result(r, v), column_env(task_, v).mask);
        return;
      }
      const Ex n = part_ == SumPart::total ? blocks_ : n_;
      if (one_block) one_pass(block, b_.integer(0), n);
      else all_passes(block, total, n);
      store_results(one_block ? block : total);
    };
    if (c_.whole_pieces) walk(true);
    else if (c_.known && *c_.known < c_.width()) walk(false);
    else x_.branch(b_.integer(-1) < wide_ - c_.width() - first_, [&] { walk(true); }, [&] { walk(false); });
    out_.kernel = b_.finish();
    return std::move(out_);
  }

 private:
  IndexEnv column_env(const IndexEnv& env, int v) {
    const Ex c = first_ + v * c_.lanes;
    IndexEnv at = whole_ ? env : env.masked(b_.ramp(c, c_.lanes) < wide_);
    set_index(at, c_.column, Index::ramp(c, c_.lanes, c_.lanes), b_);
    return at;
  }

  // Where a block's results are.
  Ex of_block(Ex block, int v) { return b_.ramp((outer_ * blocks_ + block) * wide_ + first_ + v * c_.lanes, c_.lanes); }

  // The same columns of a row that comes up a few rows later.
  void fetch_ahead(Ex i) {
    if (c_.reduced.size() != 1) return;
    IndexEnv env = task_;
    set_flat(x_, env, c_.reduced, Index::scalar(i + c_.rows_ahead));
    set_index(env, c_.column, Index::scalar(first_), b_);
    std::set<Value> fetched;
    for (const Reduction& r : reductions_) {
      const auto d = leading_operand(x_, g_.node(r.value.node).operands[0]);
      if (!d || !fetched.insert(d->stored).second) continue;
      fetch(x_, *d, env, c_.width());
    }
  }

  void one_row(ColumnAccumulators& sums, Ex i, Ex lane) {
    IndexEnv env = task_;
    set_flat(x_, env, c_.reduced, Index::scalar(i));
    fetch_ahead(i);
    for (int v = 0; v < c_.vectors; ++v) {
      const IndexEnv at = column_env(env, v);
      for (std::size_t r = 0; r < reductions_.size(); ++r)
        sums.add(r, lane, v, b_.splat(x_.value(g_.node(reductions_[r].value.node).operands[0], at), c_.lanes));
      for (const Value& e : s_.elements) x_.store(e, at, x_.value(e, at));
    }
  }

  void one_result(ColumnAccumulators& sums, Ex block, Ex lane) {
    for (int v = 0; v < c_.vectors; ++v)
      for (std::size_t r = 0; r < reductions_.size(); ++r)
        sums.add(r, lane, v, b_.load(temporaries_[r], of_block(block, v), column_env(task_, v).mask));
  }

  void one_pass(ColumnAccumulators& block, Ex begin, Ex end) {
    const Ex terms = end - begin;
    block.clear(terms);
    x_.loop(begin, end, 1, [&](Ex i) {
      const Ex lane = b_.let((i - begin) % kSumLanes);
      if (part_ == SumPart::total) one_result(block, i, lane);
      else one_row(block, i, lane);
    });
    block.join(terms);
  }

  void all_passes(ColumnAccumulators& block, ColumnAccumulators& total, Ex n) {
    const Ex blocks = (n + (kSumBlock - 1)) / kSumBlock;
    total.clear(blocks);
    x_.loop(b_.integer(0), n, kSumBlock, [&](Ex begin) {
      one_pass(block, begin, b_.let(min(begin + kSumBlock, n)));
      const Ex lane = b_.let(begin / kSumBlock % kSumLanes);
      for (std::size_t r = 0; r < reductions_.size(); ++r)
        for (int v = 0; v < c_.vectors; ++v) total.add(r, lane, v, block.result(r, v));
    });
    total.join(blocks);
  }

  void store_results(ColumnAccumulators& sums) {
    for (int v = 0; v < c_.vectors; ++v) {
      const IndexEnv at = column_env(task_, v);
      for (std::size_t r = 0; r < reductions_.size(); ++r) {
        const Ex sum = b_.let(x_.rounded(sums.result(r, v), g_.type(reductions_[r].value).dtype));
        x_.define(reductions_[r].value, [sum](const IndexEnv&) { return sum; });
      }
      for (const Value& e : s_.results) x_.store(e, at, x_.value(e, at));
    }
  }

  const SumPart part_;
  const GraphData& g_;
  const Stages& s_;
  const Columns& c_;
  ScheduledKernel out_;
  KernelBuilder b_;
  Inline x_;
  std::vector<Reduction> reductions_;
  std::vector<kernel::BufferId> temporaries_;  // the blocks' results, of each reduction
  Ex n_, wide_, blocks_;
  Ex outer_, first_;  // column of the task
  IndexEnv task_;
  bool whole_ = true;  // are all of the task's columns there
};

}  // namespace

Schedule columns(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Stages s = stages_of(g, cluster);
  check_internal(s.count == 1, "a reduction down columns has one pass");
  const Columns c(g, cluster, layouts, target, s);
  const auto write = [&](SumPart part, const char* kind) { return Writer(part, kind, graph, cluster, layouts, s, c).write(); };
  Schedule out;
  if (!c.divide(target)) {
    out.kernels.push_back(write(SumPart::all, "columns"));
    return out;
  }
  out.kernels.push_back(write(SumPart::blocks, "columns.blocks"));
  out.kernels.push_back(write(SumPart::total, "columns.total"));
  for (NodeId id : s.reductions)
    out.temporaries.push_back(of_blocks(kernel::computing(g.node(id).types[0].dtype), s.kept(), s.terms()));
  return out;
}

}  // namespace uwaga::schedule
