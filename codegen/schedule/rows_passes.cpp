#include <uwaga/codegen/schedule/rows_passes.h>

#include <algorithm>
#include <map>
#include <set>

#include <uwaga/codegen/lower/table.h>

namespace uwaga::schedule {
namespace {

// Operations that cost more than a vector of a row in L1, written once and read once.
constexpr int kWorthKeeping = 6;

// A line is fetched once, by the first of the vectors in it, as far as the body of a loop has several of them.
constexpr int kLineBytes = 64, kLeastBytes = 4;

bool contains(const std::vector<NodeId>& nodes, NodeId id) { return std::find(nodes.begin(), nodes.end(), id) != nodes.end(); }

// Values over the whole space that are computed in one pass and wanted in a later one, at the same place, and cost too much to
// repeat.
std::vector<Value> kept_values(const GraphData& graph, const Cluster& cluster, const Stages& s) {
  std::map<NodeId, int> last_use, cost;
  std::set<NodeId> moved;  // and wanted at other places
  const auto use = [&](NodeId id, int stage) { last_use[id] = std::max(last_use[id], stage); };
  for (const Value& v : cluster.outputs) use(v.node, s.stage.at(v.node));
  // A node is computed in every pass that computes one of its readers.
  for (auto id = cluster.nodes.rbegin(); id != cluster.nodes.rend(); ++id) {
    const bool sums_up = contains(s.reductions, *id) || contains(s.sums, *id);
    if (sums_up) last_use[*id] = s.stage.at(*id);
    for (const Value& v : graph.node(*id).operands) {
      if (moved.contains(*id) || !(sums_up || kernel::keeps_indices(graph.node(*id)))) moved.insert(v.node);
      if (s.stage.contains(v.node)) use(v.node, std::max(last_use[*id], s.stage.at(*id)));
    }
  }
  std::vector<Value> out;
  for (NodeId id : cluster.nodes) {
    const Node& n = graph.node(id);
    int total = kernel::cost_of(graph, n);
    for (const Value& v : n.operands)
      if (const auto it = cost.find(v.node); it != cost.end()) total += it->second;
    if (!s.has_reduced_axis(n.types[0])) continue;
    const bool whole = same_axes(n.types[0], s.space);
    if (whole && !moved.contains(id) && last_use[id] > s.stage.at(id) && total >= kWorthKeeping) {
      out.push_back({id, 0});
      total = 0;
    }
    cost[id] = total;
  }
  return out;
}

}  // namespace

RowPasses::RowPasses(Inline& x, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const Stages& stages)
    : x_(x), b_(x.builder()), g_(x.graph()), cluster_(cluster), s_(stages), axes_(collapse(g_, cluster, layouts, s_.space, s_.over)),
      length_(product(axes_)), lanes_(lanes_for(g_, cluster, target, length_)), inner_(s_.over.begin(), s_.over.end()),
      kept_(kept_values(g_, cluster, s_)) {
  for (const auto* values : {&cluster.inputs, &cluster.outputs})
    for (const Value& v : *values)
      if (same_axes(g_.type(v), s_.space)) streams_.push_back(v);
  for (const Value& v : kept_) {
    const bool stored = std::find(s_.elements.begin(), s_.elements.end(), v) != s_.elements.end();
    const DType d = g_.type(v).dtype;
    if (stored && kernel::computing(d) == d) continue;  // read back from where it is stored
    buffers_[v] = b_.scratch(kernel::computing(d), x.extent(length_));
  }
}

void RowPasses::keep(int pass) {
  for (const Value& v : kept_) {
    if (s_.stage.at(v.node) != pass) continue;
    const auto buffer = buffers_.find(v);
    if (buffer == buffers_.end()) x_.define(v, [this, v](const IndexEnv& at) { return x_.load(v, at); });
    else x_.define(v, [this, id = buffer->second](const IndexEnv& at) { return b_.load(id, lanes_of(along_), at.mask); });
  }
}

void RowPasses::fetch_ahead(int pass, IndexEnv next, const Index& along) {
  set_flat(x_, next, axes_, Index::scalar(along.base));
  for (std::size_t i = 0; i < streams_.size(); ++i)
    if (1 + static_cast<int>(i) % std::max(s_.count - 1, 1) == pass) b_.prefetch(x_.buffer(streams_[i], false), lanes_of(x_.address(streams_[i], next)));
}

void RowPasses::run(const IndexEnv& env, const std::optional<IndexEnv>& next, const Also& also) {
  in_whole_vectors(x_, axes_, lanes_, [&] { all_passes(env, next, also); });
}

void RowPasses::all_passes(const IndexEnv& env, const std::optional<IndexEnv>& next, const Also& also) {
  for (const Value& v : kept_) x_.undefine(v);
  for (int pass = 0; pass < s_.count; ++pass) {
    hoist_rows(x_, env, s_.space, inner_, [&](Value v) { return s_.known_in(v, pass); });
    std::vector<Reduction> reductions;
    for (NodeId id : s_.reductions)
      if (s_.stage.at(id) == pass) reductions.push_back(reduction_of(b_, g_, id));
    int written = 0;  // vectors, where the body has several
    const auto element = [&](const Index& i, Ex mask) {
      IndexEnv at = mask ? env.masked(mask) : env;
      set_flat(x_, at, axes_, i);
      along_ = i;
      for (const auto& [v, buffer] : buffers_)
        if (s_.stage.at(v.node) == pass) {
          Ex e = x_.value(v, at);
          if (e.type().lanes == 1) e = b_.splat(e, lanes_);
          b_.store(buffer, lanes_of(i), e, mask);
        }
      std::vector<Ex> terms;
      for (const Reduction& r : reductions) terms.push_back(x_.value(g_.node(r.value.node).operands[0], at));
      for (const Value& v : s_.elements)
        if (s_.stage.at(v.node) == pass) x_.store(v, at, x_.value(v, at));
      if (also) also(pass, at, i);
      if (next && !mask && written++ * lanes_ * kLeastBytes % kLineBytes == 0) fetch_ahead(pass, *next, i);
      return terms;
    };
    const Ex n = x_.extent(length_);
    if (reductions.empty()) vector_loop(x_, b_.integer(0), n, lanes_, element);
    else define_results(x_, reductions, reduce_row(x_, n, lanes_, cost_of_pass(g_, cluster_, s_, pass), reductions, element));
    keep(pass);
  }
  for (const Value& v : s_.results) x_.store(v, env, x_.value(v, env));
}

}  // namespace uwaga::schedule
