// Attention on a GPU: tiles of query x key live in shared memory, nothing over both is stored.
//
//   attention.rows    a block of threads owns 64 queries of one batch entry. For each pass it walks the keys: scores of a tile,
//                     what is reduced, and in the last pass the products over the keys, in registers.
//   attention.keys    (where something is summed over queries) a block owns a tile of keys and walks the queries of all entries
//                     that share it. What was reduced a row comes from memory, one number a row.
//   attention.sums    gradients of captured tensors: the blocks' sums, added in order.
//
// Each pass computes its scores again: that costs a product, and saves a buffer and any knowledge of what the score function
// is. The order of sums is the host's (codegen/schedule/attention.h), so the bits are too.
#include <algorithm>
#include <functional>
#include <set>

#include <uwaga/codegen/cuda/internal/attention_kernel.h>
#include <uwaga/codegen/cuda/internal/schedules.h>
#include <uwaga/codegen/schedule/attention_flat.h>
#include <uwaga/codegen/schedule/attention_mask.h>
#include <uwaga/codegen/schedule/attention_sides.h>
#include <uwaga/codegen/schedule/attention_tile_sums.h>
#include <uwaga/ir/error.h>

namespace uwaga::cuda {
namespace {

using namespace schedule;

static_assert(cuda::kQueries == schedule::kQueries && kKeys == kKeyBlock, "the order of sums is the host's");

// What the kernels of a cluster hand on besides the parts of sums: reduced rows.
std::vector<Temporary> rows_of(const AttentionForm& f) {
  const Extent entries = product(f.space, f.batch);
  return std::vector<Temporary>(f.reductions.size(), {DType::f32, entries * f.space.extent(f.query)});
}

class RowsKernel : public AttentionKernel {
 public:
  RowsKernel(const FlatAttention& flat, const AttentionForm& form, bool keeps_rows) : AttentionKernel("attention.rows", flat, form), keeps_rows_(keeps_rows) {}

  ScheduledKernel write() {
    const Ex entry = b_.grid(x_.extent(product(f_.space, f_.batch)));
    const Ex blocks = (queries_ + (kQueries - 1)) / kQueries, block = b_.grid(blocks);
    std::vector<Value> all;
    std::size_t most = 1;
    for (int pass = 0; pass <= p_.last; ++pass) {
      const std::vector<Value> values = wanted(pass);
      most = std::max(most, values.size());
      all.insert(all.end(), values.begin(), values.end());
    }
    take_memory(all, most, f_.reductions.size() + 1);
    begin_threads();
    for (NodeId id : f_.reductions) results_[id] = rows();
    lanes_ = rows();
    spread(env_, f_.batch, entry);
    set_queries(block);
    for (int pass = 0; pass < p_.last; ++pass) reduce(pass);
    const auto groups = feature_groups();
    for (std::size_t i = 0; i < groups.size(); ++i) last_pass(groups[i], i == 0, entry * blocks + block);
    out_.kernel = b_.finish();
    return std::move(out_);
  }

 private:
  struct Sum {
    Value of;
    bool maximum;
    Ex all, block;
  };
  struct Part {  // of a product over keys: features [first, first + count), computed together
    const TileProduct* product;
    std::int64_t first, count;
    std::vector<Ex> totals, block;
    std::int64_t columns() const { return (count + kSide - 1) / kSide; }
  };

  std::vector<Value> wanted(int pass) const {
    std::vector<Value> out;
    for (NodeId id : p_.reduced[static_cast<std::size_t>(pass)]) out.push_back(g_.node(id).operands[0]);
    if (pass < p_.last) return out;
    for (const TileProduct& p : f_.products)
      if (p.over_keys) out.push_back(p.tile);
    for (const TileSum& s : f_.sums) out.push_back(s.tile);
    return out;
  }

  // Products in groups whose sums fit in registers; at least one group, for the totals.
  std::vector<std::vector<Part>> feature_groups() const {
    constexpr std::int64_t kMost = 128;
    std::vector<std::vector<Part>> out(1);
    std::int64_t taken = 0;
    for (const TileProduct& p : f_.products) {
      if (!p.over_keys) continue;
      const std::int64_t n = features_of(p.other, p.feature);
      for (std::int64_t first = 0; first < n; first += kMost) {
        const std::int64_t count = std::min(n - first, kMost);
        if (taken + count > kMost && taken > 0) out.emplace_back(), taken = 0;
        out.back().push_back({&p, first, count, {}, {}});
        taken += count;
      }
    }
    return out;
  }

  Sum start(Value of, bool maximum) {
    const Ex all = b_.variable(maximum ? lowest(b_, DType::f32) : b_.real(0));
    return {of, maximum, all, maximum ? all : b_.variable(b_.real(0))};
  }

  // Adds the tile's elements to the sums, one thread a row, keys in order.
  void add(const std::vector<Sum>& sums, Ex k0, Ex end) {
    algorithm();
    std::vector<Value> values;
    for (const Sum& s : sums) values.push_back(s.of);
    in_tiles(values, k0, [&](std::size_t first, std::size_t count) {
      x_.branch(thread_ < kQueries, [&] {
        x_.loop(b_.integer(0), b_.let(end - k0), 1, [&](Ex key) {
          for (std::size_t i = first; i < first + count; ++i) {
            const Ex term = b_.load(tile(i - first), key * kQueries + thread_);
            b_.assign(sums[i].block, sums[i].maximum ? b_.apply(Op::max, {sums[i].block, term}) : sums[i].block + term);
          }
        });
      });
    });
  }
  void walk(std::vector<Sum>& sums, const std::vector<Value>& values, const std::function<void(Ex k0, Ex end)>& tile,
            const std::function<void()>& begin, const std::function<void()>& done) {
    key_blocks([&](Ex block, Ex block_end) {
      for (Sum& s : sums)
        if (!s.maximum) b_.assign(s.block, b_.real(0));
      begin();
      x_.loop(block, block_end, keys_a_tile_, [&](Ex k0) {
        const Ex end = b_.let(min(k0 + keys_a_tile_, block_end));
        for (const TileDot* d : dots_of(values)) dot(*d, k0);
        add(sums, k0, end);
        tile(k0, end);
        algorithm();
      });
      for (Sum& s : sums)
        if (!s.maximum) b_.assign(s.all, s.all + s.block);
      done();
    });
  }

  void reduce(int pass) {
    const auto& reduced = p_.reduced[static_cast<std::size_t>(pass)];
    if (reduced.empty()) return;
    hoist_rows(wanted(pass));
    std::vector<Sum> sums;
    for (NodeId id : reduced) sums.push_back(start(g_.node(id).operands[0], g_.node(id).op == Op::reduce_max));
    walk(sums, wanted(pass), [](Ex, Ex) {}, [] {}, [] {});
    x_.branch(thread_ < kQueries, [&] {
      for (std::size_t i = 0; i < reduced.size(); ++i) b_.store(results_.at(reduced[i]), thread_, sums[i].all);
    });
    if (keeps_rows_)
      x_.branch(thread_ < count_, [&] {
        for (std::size_t i = 0; i < reduced.size(); ++i)
          b_.store(x_.temporary(DType::f32, row_temporary(reduced[i]), true), flat_entry(env_) * queries_ + q0_ + thread_, sums[i].all);
      });
    b_.barrier();
    for (NodeId id : reduced) x_.define({id, 0}, [this, from = results_.at(id)](const IndexEnv&) { return b_.load(from, row_); });
  }

  void last_pass(std::vector<Part> parts, bool with_totals, Ex partial) {
    std::vector<Value> values;
    for (const Part& p : parts)
      if (std::find(values.begin(), values.end(), p.product->tile) == values.end()) values.push_back(p.product->tile);
    const std::vector<Value> finals = values;
    std::vector<Sum> sums;
    if (with_totals)
      for (const TileSum& s : f_.sums) {
        check_internal(s.is_total(), "a sum of scores that a GPU does not compute");
        sums.push_back(start(s.tile, false));
        values.push_back(s.tile);
      }
    if (values.empty()) return;
    hoist_rows(values);
    for (Part& p : parts)
      for (std::int64_t i = 0; i < kRows * p.columns(); ++i) {
        p.totals.push_back(b_.variable(b_.real(0)));
        p.block.push_back(b_.variable(b_.real(0)));
      }
    walk(
        sums, values,
        [&](Ex k0, Ex end) {
          in_tiles(finals, k0, [&](std::size_t first, std::size_t count) {
            for (const Part& p : parts)
              for (std::size_t i = first; i < first + count; ++i)
                if (finals[i] == p.product->tile) multiply(p, tile(i - first), k0, end);
          });
        },
        [&] {
          for (const Part& p : parts)
            for (const Ex& s : p.block) b_.assign(s, b_.real(0));
        },
        [&] {
          for (const Part& p : parts)
            for (std::size_t i = 0; i < p.block.size(); ++i) b_.assign(p.totals[i], p.totals[i] + p.block[i]);
        });
    for (const Part& p : parts) store(p);
    for (std::size_t i = 0; i < sums.size(); ++i) add_lanes(sums[i].all, static_cast<std::uint32_t>(i), partial);
  }

  // block += tile * values: row `high_ + 16 i`, feature `low_ + 16 j`.
  void multiply(const Part& p, BufferId tile, Ex k0, Ex end) {
    x_.at(p.product->node);
    const std::int64_t width = p.columns() * kSide;
    x_.loop(b_.integer(0), b_.let(end - k0), kTerms, [&](Ex part) {
      fill(kTerms * width, [&](Ex flat) {
        const Ex key = b_.let(min(k0 + part + flat / width, keys_ - 1)), feature = b_.let(min(flat % width + p.first, b_.integer(p.first + p.count - 1)));
        return std::pair(flat, x_.value(p.product->other, env_.with(f_.key, Index::scalar(key)).with(p.product->feature, Index::scalar(feature))));
      });
      b_.barrier();
      x_.loop(b_.integer(0), b_.let(min(end - k0 - part, b_.integer(kTerms))), 1, [&](Ex term) {
        multiply_add(p.block, kRows, p.columns(), tile, (part + term) * kQueries, term * width);
      });
      b_.barrier();
    });
  }

  void store(const Part& p) {
    x_.at(p.product->node);
    for (std::int64_t i = 0; i < kRows; ++i) {
      const Ex row = b_.let(high_ + i * kSide);
      x_.branch(row < count_, [&] {
        for (std::int64_t j = 0; j < p.columns(); ++j) {
          const Ex feature = b_.let(low_ + j * kSide);
          const auto at = [&] {
            x_.store({p.product->node, 0},
                     env_.with(f_.query, Index::scalar(b_.let(q0_ + row))).with(p.product->feature, Index::scalar(b_.let(feature + p.first))),
                     p.totals[static_cast<std::size_t>(i * p.columns() + j)]);
          };
          if ((j + 1) * kSide <= p.count) at();
          else x_.branch(feature < p.count, at);
        }
      });
    }
  }

  // The rows of a total, by the fixed tree.
  void add_lanes(Ex all, std::uint32_t which, Ex partial) {
    algorithm();
    x_.branch(thread_ < kQueries, [&] { b_.store(lanes_, thread_, b_.select(thread_ < count_, all, b_.real(0))); });
    b_.barrier();
    for (std::int64_t s = kQueries / 2; s >= 1; s /= 2) {
      x_.branch(thread_ < s, [&] { b_.store(lanes_, thread_, b_.load(lanes_, thread_) + b_.load(lanes_, thread_ + s)); });
      b_.barrier();
    }
    x_.branch(equal(thread_, b_.integer(0)), [&] {
      b_.store(x_.temporary(DType::f32, (keeps_rows_ ? static_cast<std::uint32_t>(f_.reductions.size()) : 0) + which, true), partial,
               b_.load(lanes_, b_.integer(0)));
    });
    b_.barrier();
  }

  bool keeps_rows_;
  std::map<NodeId, BufferId> results_;
  BufferId lanes_ = 0;
};

class KeysKernel : public AttentionKernel {
 public:
  KeysKernel(const FlatAttention& flat, const AttentionForm& form) : AttentionKernel("attention.keys", flat, form) {
    for (const TileProduct& p : f_.products)
      if (!p.over_keys) products_.push_back(&p);
    for (const std::string& axis : f_.batch) {
      const bool kept = std::all_of(products_.begin(), products_.end(), [&](const TileProduct* p) { return g_.type({p->node, 0}).has(axis); });
      (kept ? tasks_ : inner_).push_back(axis);
    }
  }

  ScheduledKernel write() {
    std::vector<Value> finals;
    for (const TileProduct* p : products_)
      if (std::find(finals.begin(), finals.end(), p->tile) == finals.end()) finals.push_back(p->tile);
    take_memory(finals, finals.size(), 0);
    const Ex entry = b_.grid(x_.extent(product(f_.space, tasks_)));
    const Ex k0 = b_.grid((keys_ + (keys_a_tile_ - 1)) / keys_a_tile_) * keys_a_tile_;
    begin_threads();
    const Ex end = b_.let(min(k0 + keys_a_tile_, keys_));
    spread(env_, tasks_, entry);
    for (NodeId id : f_.reductions)
      x_.define({id, 0}, [this, id](const IndexEnv& at) {
        return b_.load(x_.temporary(DType::f32, row_temporary(id), false), flat_entry(at) * queries_ + at.at(f_.query).base);
      });
    for (const TileProduct* p : products_) clear(*p, k0, end);
    algorithm();
    const Ex blocks = b_.let((queries_ + (kQueries - 1)) / kQueries);
    const IndexEnv outer = env_;
    x_.loop(b_.integer(0), x_.extent(product(f_.space, inner_)), 1, [&](Ex i) {
      spread(env_, inner_, i);
      x_.loop(b_.integer(0), blocks, 1, [&](Ex block) {
        set_queries(block);
        where_possible(k0, end, [&] {
          hoist_rows(finals);
          for (const TileDot* d : dots_of(finals)) dot(*d, k0);
          in_tiles(finals, k0, [&](std::size_t first, std::size_t count) {
            for (const TileProduct* p : products_)
              for (std::size_t f = first; f < first + count; ++f)
                if (finals[f] == p->tile) multiply(*p, tile(f - first), k0, end);
          });
        });
      });
      env_ = outer;
    });
    out_.kernel = b_.finish();
    return std::move(out_);
  }

 private:
  // Calls body(key of the tile, feature) for the elements that this thread owns; `sum` is which of its sums.
  void mine(const TileProduct& p, std::int64_t first, std::int64_t columns, Ex k0, Ex end,
            const std::function<void(const IndexEnv& at, std::size_t sum)>& body, const IndexEnv& env) {
    const std::int64_t n = features_of(p.other, p.feature);
    for (std::int64_t i = 0; i < keys_a_tile_ / kSide; ++i) {
      const Ex key = b_.let(k0 + high_ + i * kSide);
      x_.branch(key < end, [&] {
        for (std::int64_t j = 0; j < columns; ++j) {
          const Ex feature = b_.let(low_ + (first + j * kSide));
          const auto at = [&] { body(env.with(f_.key, Index::scalar(key)).with(p.feature, Index::scalar(feature)), static_cast<std::size_t>(i * columns + j)); };
          if (first + (j + 1) * kSide <= n) at();
          else x_.branch(feature < n, at);
        }
      });
    }
  }
  static constexpr std::int64_t kFeatures = 64;  // at a time
  void each_part(const TileProduct& p, const std::function<void(std::int64_t first, std::int64_t columns)>& body) const {
    const std::int64_t n = features_of(p.other, p.feature);
    for (std::int64_t first = 0; first < n; first += kFeatures) body(first, (std::min(n - first, kFeatures) + kSide - 1) / kSide);
  }

  void clear(const TileProduct& p, Ex k0, Ex end) {
    AxisNames rest;  // of the inner axes, those it keeps
    for (const std::string& axis : inner_)
      if (g_.type({p.node, 0}).has(axis)) rest.push_back(axis);
    x_.loop(b_.integer(0), x_.extent(product(f_.space, rest)), 1, [&](Ex i) {
      IndexEnv env = env_;
      spread(env, rest, i);
      each_part(p, [&](std::int64_t first, std::int64_t columns) {
        mine(p, first, columns, k0, end, [&](const IndexEnv& at, std::size_t) { x_.store({p.node, 0}, at, b_.real(0)); }, env);
      });
    });
  }

  // One chain over the block's queries, added to what is in memory: no other thread owns these elements.
  void multiply(const TileProduct& p, BufferId tile, Ex k0, Ex end) {
    x_.at(p.node);
    const std::int64_t n = features_of(p.other, p.feature);
    each_part(p, [&](std::int64_t first, std::int64_t columns) {
      const std::int64_t width = columns * kSide, rows = keys_a_tile_ / kSide;
      std::vector<Ex> sums;
      for (std::int64_t i = 0; i < rows * columns; ++i) sums.push_back(b_.variable(b_.real(0)));
      x_.loop(b_.integer(0), count_, kTerms, [&](Ex part) {
        fill(kTerms * width, [&](Ex flat) {
          const Ex query = b_.let(min(q0_ + part + flat / width, queries_ - 1)), feature = b_.let(min(flat % width + first, b_.integer(n - 1)));
          return std::pair(flat, x_.value(p.other, env_.with(f_.query, Index::scalar(query)).with(p.feature, Index::scalar(feature))));
        });
        b_.barrier();
        x_.loop(b_.integer(0), b_.let(min(count_ - part, b_.integer(kTerms))), 1, [&](Ex term) {
          std::vector<Ex> left, right;
          for (std::int64_t i = 0; i < rows; ++i) left.push_back(b_.let(b_.load(tile, (high_ + i * kSide) * kQueries + part + term)));
          for (std::int64_t j = 0; j < columns; ++j) right.push_back(b_.let(b_.load(operands_, term * width + low_ + j * kSide)));
          multiply_add(sums, left, right);
        });
        b_.barrier();
      });
      mine(p, first, columns, k0, end,
           [&](const IndexEnv& at, std::size_t sum) { x_.store({p.node, 0}, at, x_.load({p.node, 0}, at) + sums[sum]); }, env_);
    });
  }

  std::vector<const TileProduct*> products_;
  AxisNames tasks_, inner_;
};

}  // namespace

Schedule attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts) {
  const FlatAttention flat = flatten_attention(graph, cluster, layouts);
  std::string reason;
  const auto form = find_attention_form(flat.graph, flat.query, flat.key, reason);
  if (!form) throw InternalError("an attention cluster that no kernel computes: " + reason);
  const bool over_queries = std::any_of(form->products.begin(), form->products.end(), [](const TileProduct& p) { return !p.over_keys; });
  Schedule s;
  if (over_queries) s.temporaries = rows_of(*form);
  s.kernels.push_back(flat.outside(RowsKernel(flat, *form, over_queries).write()));
  if (over_queries) s.kernels.push_back(flat.outside(KeysKernel(flat, *form).write()));
  add_up_sums(s, flat, *form);
  return s;
}

}  // namespace uwaga::cuda
