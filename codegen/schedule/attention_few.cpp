#include <uwaga/codegen/schedule/attention_few.h>

#include <algorithm>
#include <map>
#include <set>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/attention_mask.h>
#include <uwaga/codegen/schedule/attention_passes.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/loops.h>
#include <uwaga/codegen/schedule/reduce.h>

namespace uwaga::schedule {
namespace {

using namespace kernel;

constexpr std::int64_t kFewQueries = 4;
// Vectors of keys whose scores are made together, and of features that are summed together, at most.
constexpr int kKeyVectors = 2, kFeatureVectors = 8;
// Keys whose features are fetched ahead where they are summed, and what a line of memory holds.
constexpr std::int64_t kKeysAhead = 16, kLine = 16;

// Writes one kernel. A task is a batch entry and a query.
class FewQueries {
 public:
  FewQueries(const FlatAttention& flat, const AttentionForm& form, const HostTarget& target)
      : g_(flat.graph.data()), f_(form), p_(plan_passes(g_, form)), x_(b_, flat.graph, flat.cluster, flat.layouts, out_),
        lanes_(std::clamp(target.vector_bytes / 4, 2, 16)) {
    x_.let_every_op();
  }

  ScheduledKernel write() {
    algorithm();
    keys_ = x_.extent(f_.space.extent(f_.key));
    const Ex entry = b_.grid(x_.extent(product(f_.space, f_.batch)));
    const Ex query = b_.grid(x_.extent(f_.space.extent(f_.query)));
    add_scratch();
    spread_flat(x_, env_, f_.batch, f_.space, Index::scalar(entry));
    for (const std::string& axis : f_.batch) env_.axes[axis].base = b_.let(env_.axes[axis].base);
    query_ = query;
    env_ = env_.with(f_.query, Index::scalar(query));
    for (KeySide& k : key_sides_) find_rows(k);
    for (const TileDot& d : f_.dots) tile_dot(d);
    for (int pass = 0; pass <= p_.last; ++pass) run_pass(pass);
    for (const TileProduct& p : f_.products) product_over_keys(p);
    out_.kernel = b_.finish();
    return std::move(out_);
  }

 private:
  // What is written from here on is no op's. Where an op of the body is computed, its statements carry the op (Inline::value).
  void algorithm() { b_.at(kAlgorithm); }
  Ex zeros() { return b_.splat(b_.real(0), lanes_); }
  std::int64_t features(Value v, const std::string& axis) const { return *g_.type(v).extent(axis).constant(); }

  // An operand with one row a key: where it lies feature by feature and in whole vectors, in place, else copied.
  struct KeySide {
    Value value;
    std::string feature;
    bool in_place = false;
    BufferId buffer = 0;
    Ex base, step;
  };
  KeySide& key_side(Value v, const std::string& feature) {
    for (KeySide& k : key_sides_)
      if (k.value == v && k.feature == feature) return k;
    const auto stored = operand_in_line(x_, v, {feature}, DType::f32);
    KeySide k{v, feature, stored && features(v, feature) % lanes_ == 0, 0, {}, {}};
    if (!k.in_place) k.buffer = b_.scratch(DType::f32, keys_ * round_up(features(v, feature), lanes_));
    return key_sides_.emplace_back(std::move(k));
  }
  void find_rows(KeySide& k) {
    const std::int64_t n = features(k.value, k.feature);
    if (k.in_place) {
      const StoredOperand stored = *operand_in_line(x_, k.value, {k.feature}, DType::f32);
      k.buffer = x_.buffer(stored.stored, false);
      k.base = first_term_of(x_, stored, {k.feature}, env_.with(f_.key, Index::scalar(b_.integer(0), 0)));
      k.step = x_.stride(stored.stored, stored.names.at(f_.key));
      return;
    }
    k.base = b_.integer(0);
    k.step = b_.integer(round_up(n, lanes_));
    x_.loop(b_.integer(0), keys_, 1, [&](Ex key) { copy_row(k.value, k.feature, env_.with(f_.key, Index::scalar(key)), k.buffer, key * k.step); });
  }
  void copy_row(Value v, const std::string& feature, const IndexEnv& env, BufferId to, Ex first) {
    const std::int64_t n = features(v, feature);
    x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
      IndexEnv at = env.with(feature, Index::ramp(e, lanes_, lanes_));
      if (n % lanes_ != 0) at = at.masked(b_.ramp(e, lanes_) < b_.splat(b_.integer(n), lanes_));
      Ex value = b_.splat(x_.value(v, at), lanes_);
      if (at.mask) value = b_.select(at.mask, value, zeros());
      b_.store(to, b_.ramp(first + e, lanes_), value);
      algorithm();
    });
  }

  void add_scratch() {
    for (const TileDot& d : f_.dots) key_side(d.key_side, d.feature);
    for (const TileProduct& p : f_.products) key_side(p.other, p.feature);
    // Scores are stored by whole groups of vectors.
    const std::int64_t group = static_cast<std::int64_t>(kKeyVectors) * lanes_;
    const Ex row = (keys_ + (group - 1)) / group * group;
    for (int s = 0; s < p_.slots; ++s) rows_.push_back(b_.scratch(DType::f32, row));
    for (NodeId id : f_.reductions)
      if (g_.node(id).op == Op::sum) terms_[id] = b_.scratch(DType::f32, b_.integer(kKeyBlock));
  }

  // The blocks of keys that the mask does not rule out for this query.
  void key_blocks(const std::function<void(Ex begin, Ex end)>& body) {
    schedule::key_blocks(x_, f_, keys_, {query_, query_}, body);
  }

  // A score is a lane, one fma chain over the features: squares of keys and features are turned over.
  void tile_dot(const TileDot& d) {
    const KeySide& k = key_side(d.key_side, d.feature);
    const std::int64_t n = features(d.key_side, d.feature);
    const BufferId query = b_.scratch(DType::f32, b_.integer(round_up(n, lanes_)));
    const BufferId to = rows_[static_cast<std::size_t>(p_.slot.at({d.node, 0}))];
    copy_row(d.query_side, d.feature, env_, query, b_.integer(0));
    const std::int64_t group = static_cast<std::int64_t>(kKeyVectors) * lanes_;
    key_blocks([&](Ex k0, Ex end) {
      x_.at(d.node);
      x_.loop(k0, end, group, [&](Ex key) {
        // While these are computed, the next come. (No processor sees so many rows coming.)
        const Ex next = b_.let(k.base + b_.select(key + group < keys_, key + group, key) * k.step);
        std::vector<Ex> starts, sums;
        for (std::int64_t i = 0; i < group; ++i) starts.push_back(b_.let(k.base + min(key + i, end - 1) * k.step));
        for (int v = 0; v < kKeyVectors; ++v) sums.push_back(b_.variable(zeros()));
        const auto add = [&](Ex feature, std::int64_t count) {
          std::vector<std::vector<Ex>> squares;
          for (std::int64_t v = 0; v < kKeyVectors; ++v) {
            std::vector<Ex>& square = squares.emplace_back();
            for (std::int64_t i = v * lanes_; i < (v + 1) * lanes_; ++i) {
              square.push_back(b_.let(b_.load(k.buffer, b_.ramp(starts[static_cast<std::size_t>(i)] + feature, lanes_))));
              if (k.in_place) b_.prefetch(k.buffer, next + k.step * i + feature, 1);
            }
            turn_over(b_, square);
          }
          for (std::int64_t t = 0; t < count; ++t) {
            const Ex q = b_.let(b_.splat(b_.load(query, feature + t), lanes_));
            for (std::size_t v = 0; v < kKeyVectors; ++v) b_.assign(sums[v], b_.fma(squares[v][static_cast<std::size_t>(t)], q, sums[v]));
          }
        };
        const std::int64_t whole = n / lanes_ * lanes_;
        b_.loop(b_.integer(0), b_.integer(whole), lanes_, [&](Ex feature) { add(feature, lanes_); });
        if (whole < n) add(b_.integer(whole), n - whole);
        for (int v = 0; v < kKeyVectors; ++v) b_.store(to, b_.ramp(key + static_cast<std::int64_t>(v) * lanes_, lanes_), sums[static_cast<std::size_t>(v)]);
      });
    });
    available(Value{d.node, 0}, to);
  }
  // A tile that lies in a row of scratch, a vector of keys at a time.
  void available(Value v, BufferId from) {
    defined_.insert(v);
    x_.define(v, [this, from](const IndexEnv& at) { return b_.load(from, lanes_of(at.at(f_.key))); });
  }

  void run_pass(int pass) {
    const auto& reduced = p_.reduced[static_cast<std::size_t>(pass)];
    const auto& kept = p_.kept[static_cast<std::size_t>(pass)];
    const bool last = pass == p_.last;
    algorithm();
    for (Value v : row_values_of_pass(g_, f_, p_, pass, [&](Value v) { return x_.computes(v.node) && !defined_.contains(v); })) {
      x_.hoist(v, env_);
      algorithm();
    }
    std::map<NodeId, Ex> results;  // vectors of maxima, sums
    for (NodeId id : reduced) results[id] = b_.variable(is_maximum(id) ? b_.splat(lowest(b_, DType::f32), lanes_) : b_.real(0));
    key_blocks([&](Ex k0, Ex end) {
      vector_loop(x_, k0, end, lanes_, [&](const Index& key, Ex mask) {
        const IndexEnv at = (mask ? env_.masked(mask) : env_).with(f_.key, key);
        const auto element = [&](Value v) {
          const Ex value = b_.let(b_.splat(x_.value(v, at), lanes_));
          algorithm();
          return value;
        };
        std::vector<Ex> terms;
        std::vector<std::pair<int, Ex>> stores;
        for (NodeId id : reduced) terms.push_back(element(g_.node(id).operands[0]));
        for (Value v : kept) stores.emplace_back(p_.slot.at(v), element(v));
        if (last)
          for (Value v : p_.finals) stores.emplace_back(p_.final_slot.at(v), element(v));
        for (const auto& [slot, value] : stores) b_.store(rows_[static_cast<std::size_t>(slot)], lanes_of(key), value);
        for (std::size_t i = 0; i < reduced.size(); ++i) {
          const Ex so_far = results.at(reduced[i]);
          if (!is_maximum(reduced[i])) b_.store(terms_.at(reduced[i]), lanes_of(key) - b_.splat(k0, lanes_), terms[i]);
          else b_.assign(so_far, b_.apply(Op::max, {so_far, mask ? b_.select(mask, terms[i], so_far) : terms[i]}));
        }
      });
      // One chain in index order.
      for (NodeId id : reduced) {
        if (is_maximum(id)) continue;
        const Ex block = b_.variable(b_.real(0));
        b_.loop(k0, end, 1, [&](Ex key) { b_.assign(block, block + b_.load(terms_.at(id), key - k0)); });
        b_.assign(results.at(id), results.at(id) + block);
      }
    });
    for (NodeId id : reduced) {
      const Ex all = results.at(id);
      const Ex result = b_.let(is_maximum(id) ? join_lanes(b_, Op::max, {b_.let(all)}) : all);
      x_.define({id, 0}, [result](const IndexEnv&) { return result; });
    }
    for (Value v : kept) available(v, rows_[static_cast<std::size_t>(p_.slot.at(v))]);
  }
  bool is_maximum(NodeId id) const { return g_.node(id).op == Op::reduce_max; }

  // The features of a value are lanes, each one fma chain over the keys of a block.
  void product_over_keys(const TileProduct& p) {
    const KeySide& k = key_side(p.other, p.feature);
    const BufferId tile = rows_[static_cast<std::size_t>(p_.final_slot.at(p.tile))];
    const std::int64_t n = features(p.other, p.feature), vectors_of_row = (n + lanes_ - 1) / lanes_;
    std::int64_t vectors = std::min<std::int64_t>(vectors_of_row, kFeatureVectors);
    while (vectors_of_row % vectors != 0) --vectors;
    const BufferId totals = b_.scratch(DType::f32, b_.integer(vectors_of_row * lanes_));
    algorithm();
    x_.loop(b_.integer(0), b_.integer(vectors_of_row * lanes_), lanes_, [&](Ex e) { b_.store(totals, b_.ramp(e, lanes_), zeros()); });
    key_blocks([&](Ex k0, Ex end) {
      x_.at(p.node);
      x_.loop(b_.integer(0), b_.integer(vectors_of_row * lanes_), vectors * lanes_, [&](Ex first) {
        std::vector<Ex> sums;
        for (std::int64_t v = 0; v < vectors; ++v) sums.push_back(b_.variable(zeros()));
        b_.loop(k0, end, 1, [&](Ex key) {
          const Ex weight = b_.let(b_.splat(b_.load(tile, key), lanes_)), row = b_.let(k.base + key * k.step + first);
          if (k.in_place) {
            const Ex ahead = b_.let(k.base + min(key + kKeysAhead, keys_ - 1) * k.step + first);
            for (std::int64_t e = 0; e < vectors * lanes_; e += kLine) b_.prefetch(k.buffer, ahead + e, 1);
          }
          for (std::int64_t v = 0; v < vectors; ++v) {
            const Ex sum = sums[static_cast<std::size_t>(v)];
            b_.assign(sum, b_.fma(b_.load(k.buffer, b_.ramp(row + v * lanes_, lanes_)), weight, sum));
          }
        });
        for (std::int64_t v = 0; v < vectors; ++v) {
          const Ex at = b_.ramp(first + v * lanes_, lanes_);
          b_.store(totals, at, b_.load(totals, at) + sums[static_cast<std::size_t>(v)]);
        }
      });
    });
    x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
      IndexEnv at = env_.with(p.feature, Index::ramp(e, lanes_, lanes_));
      if (n % lanes_ != 0) at = at.masked(b_.ramp(e, lanes_) < b_.splat(b_.integer(n), lanes_));
      x_.store({p.node, 0}, at, b_.load(totals, b_.ramp(e, lanes_)));
    });
  }

  const GraphData& g_;
  const AttentionForm& f_;
  const AttentionPasses p_;
  KernelBuilder b_{"attention"};
  ScheduledKernel out_;
  Inline x_;
  const int lanes_;
  std::vector<KeySide> key_sides_;
  std::vector<BufferId> rows_;  // by slot: [keys]
  std::map<NodeId, BufferId> terms_;  // of sums: a block's
  std::set<Value> defined_;  // tiles in scratch
  IndexEnv env_;  // batch indices and the query
  Ex keys_, query_;
};

}  // namespace

bool has_few_queries(const AttentionForm& form, const HostTarget& target) {
  const auto queries = form.space.extent(form.query).constant();
  return queries && *queries <= kFewQueries && target.vector_bytes >= 8 && form.sums.empty() &&
         std::all_of(form.products.begin(), form.products.end(), [](const TileProduct& p) { return p.over_keys; });
}

ScheduledKernel attention_of_few(const FlatAttention& flat, const AttentionForm& form, const HostTarget& target) {
  return FewQueries(flat, form, target).write();
}

}  // namespace uwaga::schedule
