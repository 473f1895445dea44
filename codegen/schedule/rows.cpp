#include <uwaga/codegen/schedule/rows.h>

#include <algorithm>
#include <memory>

#include <uwaga/codegen/lower/table.h>
#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/codegen/schedule/stages.h>

namespace uwaga::schedule {
namespace {

// Values over the whole space that are computed in one pass and wanted in a later one, and cost too much to repeat.
std::vector<Value> kept_values(const GraphData& graph, const Cluster& cluster, const Stages& s) {
  std::map<NodeId, int> last_use, cost;
  const auto use = [&](NodeId id, int stage) { last_use[id] = std::max(last_use[id], stage); };
  for (const Value& v : cluster.outputs) use(v.node, s.stage.at(v.node));
  // A node is computed in every pass that computes one of its readers.
  for (auto id = cluster.nodes.rbegin(); id != cluster.nodes.rend(); ++id) {
    const bool reduction = std::find(s.reductions.begin(), s.reductions.end(), *id) != s.reductions.end();
    if (reduction) last_use[*id] = s.stage.at(*id);
    for (const Value& v : graph.node(*id).operands)
      if (s.stage.contains(v.node)) use(v.node, std::max(last_use[*id], s.stage.at(*id)));
  }
  std::vector<Value> out;
  for (NodeId id : cluster.nodes) {
    const Node& n = graph.node(id);
    int total = kernel::cost_of(graph, n);
    for (const Value& v : n.operands)
      if (const auto it = cost.find(v.node); it != cost.end()) total += it->second;
    if (!s.has_reduced_axis(n.types[0])) continue;
    const bool whole = same_axes(n.types[0], s.space);
    if (whole && last_use[id] > s.stage.at(id) && total >= kernel::kTranscendental) {
      out.push_back({id, 0});
      total = 0;
    }
    cost[id] = total;
  }
  return out;
}

}  // namespace

Schedule rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  KernelBuilder b("rows");
  Inline x(b, graph, cluster, layouts, scheduled);
  const Stages s = stages_of(g, cluster);
  const std::vector<LoopAxis> kept = collapse(g, cluster, layouts, s.space, kept_order(g, cluster, layouts, s));
  const std::vector<LoopAxis> reduced = collapse(g, cluster, layouts, s.space, s.over);
  const Extent length = product(reduced);
  const int lanes = lanes_for(g, cluster, target, length);
  const std::set<std::string> inner(s.over.begin(), s.over.end());
  const std::vector<Value> keep = kept_values(g, cluster, s);

  struct Row {  // where a kept value lies, and the index of the pass
    std::map<Value, kernel::BufferId> buffers;
    Index at;
  } row;
  for (const Value& v : keep) {
    const bool stored = std::find(s.elements.begin(), s.elements.end(), v) != s.elements.end();
    const DType d = g.type(v).dtype;
    if (stored && kernel::computing(d) == d) continue;  // read back from where it is stored
    row.buffers[v] = b.scratch(kernel::computing(d), x.extent(length));
  }

  row_tasks(x, kept, length, zero_env(b, s.space), [&](const IndexEnv& env) {
    for (int pass = 0; pass < s.count; ++pass) {
      hoist_rows(x, env, s.space, inner, [&](Value v) {
        const auto it = s.stage.find(v.node);
        if (it == s.stage.end()) return true;
        const bool reduction = std::find(s.reductions.begin(), s.reductions.end(), v.node) != s.reductions.end();
        return reduction ? it->second < pass : it->second <= pass;
      });
      std::vector<Reduction> reductions;
      for (NodeId id : s.reductions)
        if (s.stage.at(id) == pass) reductions.push_back(reduction_of(b, g, id));
      const auto element = [&](const Index& i, Ex mask) {
        IndexEnv at = mask ? env.masked(mask) : env;
        set_flat(x, at, reduced, i);
        row.at = i;
        for (const auto& [v, buffer] : row.buffers)
          if (s.stage.at(v.node) == pass) {
            Ex e = x.value(v, at);
            if (e.type().lanes == 1) e = b.splat(e, lanes);
            b.store(buffer, lanes_of(i), e, mask);
          }
        std::vector<Ex> terms;
        for (const Reduction& r : reductions) terms.push_back(x.value(g.node(r.value.node).operands[0], at));
        for (const Value& v : s.elements)
          if (s.stage.at(v.node) == pass) x.store(v, at, x.value(v, at));
        return terms;
      };
      const Ex n = x.extent(length);
      if (reductions.empty()) {
        vector_loop(x, b.integer(0), n, lanes, element);
      } else {
        const std::vector<Ex> results = reduce_row(x, n, lanes, cost_of_pass(g, cluster, s, pass), reductions, element);
        define_results(x, reductions, results);
      }
      for (const Value& v : keep) {
        if (s.stage.at(v.node) != pass) continue;
        const auto buffer = row.buffers.find(v);
        if (buffer == row.buffers.end()) x.define(v, [&x, v](const IndexEnv& at) { return x.load(v, at); });
        else x.define(v, [&b, &row, id = buffer->second](const IndexEnv& at) { return b.load(id, lanes_of(row.at), at.mask); });
      }
    }
    for (const Value& v : s.results) x.store(v, env, x.value(v, env));
  });
  scheduled.kernel = b.finish();
  return out;
}

}  // namespace uwaga::schedule
