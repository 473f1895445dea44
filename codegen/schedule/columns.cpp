#include <uwaga/codegen/schedule/columns.h>

#include <algorithm>
#include <set>

#include <uwaga/codegen/schedule/column_accumulators.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/stages.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {
namespace {

constexpr int kPieceBytes = 128;  // of a row, a task: two cache lines

}  // namespace

Schedule columns(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("columns");
  Inline x(b, graph, cluster, layouts, scheduled);
  const Stages s = stages_of(g, cluster);
  check_internal(s.count == 1, "a reduction down columns has one pass");
  AxisNames order;
  for (const std::string& axis : s.space.axes())
    if (std::find(s.over.begin(), s.over.end(), axis) == s.over.end()) order.push_back(axis);
  std::vector<LoopAxis> kept = collapse(g, cluster, layouts, s.space, order);
  check_internal(!kept.empty(), "columns without an axis kept");
  const LoopAxis column = kept.back();
  kept.pop_back();
  const std::vector<LoopAxis> reduced = collapse(g, cluster, layouts, s.space, s.over);
  const int lanes = lanes_for(g, cluster, target, column.extent);
  const auto columns = column.extent.constant();
  const int most = std::max(1, kPieceBytes / target.vector_bytes);
  const int vectors = columns ? static_cast<int>(std::clamp<std::int64_t>((*columns + lanes - 1) / lanes, 1, most)) : most;
  const int width = lanes * vectors;
  // Of matrices of as many whole pieces as there may be: those of all sizes have one kernel.
  const bool whole_pieces = columns && *columns % width == 0;
  if (whole_pieces && vectors == most && kept.empty() && reduced.size() == 1) x.let_sizes_be_arguments();

  std::vector<Reduction> reductions;
  for (NodeId id : s.reductions) reductions.push_back(reduction_of(b, g, id));
  const Ex n = x.extent(product(reduced)), wide = x.extent(column.extent);
  const auto terms_known = product(reduced).constant();
  const bool one_block = terms_known && *terms_known <= kSumBlock;
  ColumnAccumulators block(x, reductions, kSumLanes, lanes, vectors);
  ColumnAccumulators total(x, reductions, kSumLanes, one_block ? 1 : lanes, one_block ? 1 : vectors);

  const Ex outer = kept.empty() ? b.integer(0) : b.grid(x.extent(product(kept)));
  const Ex first = b.let(b.grid((wide + (width - 1)) / width) * width);
  IndexEnv task = zero_env(b, s.space);
  set_flat(x, task, kept, Index::scalar(outer));

  // The same columns of a row that comes up a few rows later.
  const auto fetch_ahead = [&](Ex i) {
    if (reduced.size() != 1) return;
    IndexEnv env = task;
    set_flat(x, env, reduced, Index::scalar(i + target.tuning.rows_ahead));
    set_index(env, column, Index::scalar(first), b);
    std::set<Value> fetched;
    for (const Reduction& r : reductions) {
      const auto d = leading_operand(x, g.node(r.value.node).operands[0]);
      if (!d || !fetched.insert(d->stored).second) continue;
      fetch(x, *d, env, width);
    }
  };
  const auto walk = [&](bool whole) {
    const auto column_env = [&](const IndexEnv& env, int v) {
      const Ex c = first + v * lanes;
      IndexEnv at = whole ? env : env.masked(b.ramp(c, lanes) < wide);
      set_index(at, column, Index::ramp(c, lanes, lanes), b);
      return at;
    };
    const auto one_row = [&](Ex i, Ex lane) {
      IndexEnv env = task;
      set_flat(x, env, reduced, Index::scalar(i));
      fetch_ahead(i);
      for (int v = 0; v < vectors; ++v) {
        const IndexEnv at = column_env(env, v);
        for (std::size_t r = 0; r < reductions.size(); ++r)
          block.add(r, lane, v, b.splat(x.value(g.node(reductions[r].value.node).operands[0], at), lanes));
        for (const Value& e : s.elements) x.store(e, at, x.value(e, at));
      }
    };
    const auto one_pass = [&](Ex begin, Ex end) {
      const Ex terms = end - begin;
      block.clear(terms);
      x.loop(begin, end, 1, [&](Ex i) { one_row(i, b.let((i - begin) % kSumLanes)); });
      block.join(terms);
    };
    if (one_block) {
      one_pass(b.integer(0), n);
    } else {
      const Ex blocks = (n + (kSumBlock - 1)) / kSumBlock;
      total.clear(blocks);
      x.loop(b.integer(0), n, kSumBlock, [&](Ex begin) {
        one_pass(begin, b.let(min(begin + kSumBlock, n)));
        const Ex lane = b.let(begin / kSumBlock % kSumLanes);
        for (std::size_t r = 0; r < reductions.size(); ++r)
          for (int v = 0; v < vectors; ++v) total.add(r, lane, v, block.result(r, v));
      });
      total.join(blocks);
    }
    for (int v = 0; v < vectors; ++v) {
      const IndexEnv at = column_env(task, v);
      for (std::size_t r = 0; r < reductions.size(); ++r) {
        const Ex sum = b.let(x.rounded((one_block ? block : total).result(r, v), g.type(reductions[r].value).dtype));
        x.define(reductions[r].value, [sum](const IndexEnv&) { return sum; });
      }
      for (const Value& e : s.results) x.store(e, at, x.value(e, at));
    }
  };
  if (whole_pieces) walk(true);
  else if (columns && *columns < width) walk(false);
  else x.branch(b.integer(-1) < wide - width - first, [&] { walk(true); }, [&] { walk(false); });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::schedule
