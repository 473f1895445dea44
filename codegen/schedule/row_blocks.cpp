#include <uwaga/codegen/schedule/row_blocks.h>

#include <algorithm>

#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/codegen/schedule/stages.h>

namespace uwaga::schedule {
namespace {

// Writes one of a pass's kernels.
class Writer {
 public:
  Writer(const char* kind, const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const Stages& s,
         int pass)
      : g_(graph.data()), cluster_(cluster), target_(target), s_(s), pass_(pass), b_(kind), x_(b_, graph, cluster, layouts, out_),
        kept_(collapse(g_, cluster, layouts, s.space, kept_order(g_, cluster, layouts, s))),
        along_(collapse(g_, cluster, layouts, s.space, s.over)), length_(product(along_)) {}

  ScheduledKernel blocks() {
    const int lanes = lanes_for(g_, cluster_, target_, length_);
    find_reductions();
    const Ex n = x_.size(length_), count = (n + (kSumBlock - 1)) / kSumBlock;
    const Ex row = kept_.empty() ? b_.integer(0) : b_.grid(x_.extent(product(kept_)));
    const Ex block = b_.grid(count);
    const Ex begin = b_.let(block * kSumBlock), end = b_.let(min(begin + kSumBlock, n));
    const IndexEnv env = row_env(row);
    const std::set<std::string> inner(s_.over.begin(), s_.over.end());
    hoist_rows(x_, env, s_.space, inner, [&](Value v) { return s_.known_in(v, pass_); });
    const auto element = [&](const Index& i, Ex mask) {
      IndexEnv at = mask ? env.masked(mask) : env;
      set_flat(x_, at, along_, i);
      std::vector<Ex> terms;
      for (const Reduction& r : reductions_) terms.push_back(x_.value(g_.node(r.value.node).operands[0], at));
      for (const Value& v : s_.elements)
        if (s_.stage.at(v.node) == pass_) x_.store(v, at, x_.value(v, at));
      return terms;
    };
    in_whole_vectors(x_, along_, lanes, [&] {
      if (reductions_.empty()) return vector_loop(x_, begin, end, lanes, element);
      const std::vector<Ex> results = reduce_block(x_, begin, end, lanes, cost_of_pass(g_, cluster_, s_, pass_), reductions_, element);
      const Ex to = kept_.empty() ? block : b_.let(row * count + block);
      for (std::size_t r = 0; r < reductions_.size(); ++r) b_.store(blocks_of(reductions_[r], true), to, results[r]);
    });
    return finish();
  }

  ScheduledKernel total() {
    const Ex row = b_.grid(kept_.empty() ? b_.integer(1) : x_.extent(product(kept_)));
    find_reductions();
    std::vector<kernel::BufferId> blocks;
    int lanes = target_.vector_bytes / 4;
    for (const Reduction& r : reductions_) {
      blocks.push_back(blocks_of(r, false));
      lanes = std::min(lanes, target_.vector_bytes / static_cast<int>(size_of(r.dtype)));
    }
    lanes = std::max(lanes, 1);
    // The same for every such reduction: a routine.
    std::vector<kernel::BufferId> totals;
    for (const Reduction& r : reductions_) totals.push_back(b_.scratch(r.dtype, b_.integer(1)));
    std::vector<Ex> given{(x_.size(length_) + (kSumBlock - 1)) / kSumBlock};
    if (!kept_.empty()) given.push_back(row * given[0]);
    b_.routine(given, [&](const std::vector<Ex>& p) {
      const std::vector<Ex> sums = reduce_row(x_, p[0], lanes, 1, reductions_, [&](const Index& i, Ex mask) {
        std::vector<Ex> terms;
        for (kernel::BufferId id : blocks) terms.push_back(b_.load(id, lanes_of(p.size() > 1 ? i + p[1] : i), mask));
        return terms;
      });
      for (std::size_t r = 0; r < totals.size(); ++r) b_.store(totals[r], b_.integer(0), sums[r]);
    });
    std::vector<Ex> results;
    for (kernel::BufferId id : totals) results.push_back(b_.let(b_.load(id, b_.integer(0))));
    define_results(x_, reductions_, results);
    const IndexEnv env = row_env(row);
    if (pass_ + 1 < s_.count)
      for (const Reduction& r : reductions_) b_.store(total_of(r, true), row, x_.value(r.value, env));
    const bool all = std::all_of(s_.reductions.begin(), s_.reductions.end(), [&](NodeId id) { return s_.stage.at(id) <= pass_; });
    for (const Value& v : s_.results)
      if (all) x_.store(v, env, x_.value(v, env));
    return finish();
  }

 private:
  // Those of earlier passes are known.
  void find_reductions() {
    for (NodeId id : s_.reductions)
      if (s_.reduces_in(id, pass_)) reductions_.push_back(reduction_of(b_, g_, id));
  }
  IndexEnv row_env(Ex row) {
    IndexEnv env = zero_env(b_, s_.space);
    if (!kept_.empty()) set_flat(x_, env, kept_, Index::scalar(row));
    for (NodeId id : s_.reductions)
      if (s_.stage.at(id) < pass_)
        x_.define({id, 0}, [this, row, r = reduction_of(b_, g_, id)](const IndexEnv&) { return b_.load(total_of(r, false), row); });
    return env;
  }
  // Temporaries: of each reduction the blocks' results, then of each the total, rounded.
  kernel::BufferId blocks_of(const Reduction& r, bool written) { return temporary(r, 0, written); }
  kernel::BufferId total_of(const Reduction& r, bool written) { return temporary(r, s_.reductions.size(), written); }
  kernel::BufferId temporary(const Reduction& r, std::size_t first, bool written) {
    const auto at = std::find(s_.reductions.begin(), s_.reductions.end(), r.value.node) - s_.reductions.begin();
    return x_.temporary(r.dtype, static_cast<std::uint32_t>(first) + static_cast<std::uint32_t>(at), written);
  }
  ScheduledKernel finish() {
    out_.kernel = b_.finish();
    return std::move(out_);
  }

  const GraphData& g_;
  const Cluster& cluster_;
  const HostTarget& target_;
  const Stages& s_;
  const int pass_;
  ScheduledKernel out_;
  KernelBuilder b_;
  Inline x_;
  const std::vector<LoopAxis> kept_, along_;
  const Extent length_;  // of a row
  std::vector<Reduction> reductions_;  // of the pass
};

}  // namespace

Schedule row_blocks(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Stages s = stages_of(g, cluster);
  Schedule out;
  for (int pass = 0; pass < s.count; ++pass) {
    const auto writer = [&](const char* kind) { return Writer(kind, graph, cluster, layouts, target, s, pass); };
    out.kernels.push_back(writer("rows.blocks").blocks());
    if (std::any_of(s.reductions.begin(), s.reductions.end(), [&](NodeId id) { return s.reduces_in(id, pass); }))
      out.kernels.push_back(writer("rows.total").total());
  }
  const auto computed_in = [&](NodeId id) { return kernel::computing(g.node(id).types[0].dtype); };
  for (NodeId id : s.reductions) out.temporaries.push_back(of_blocks(computed_in(id), s.kept(), s.terms()));
  for (NodeId id : s.reductions)
    if (s.count > 1) out.temporaries.push_back({computed_in(id), s.kept()});
  return out;
}

}  // namespace uwaga::schedule
