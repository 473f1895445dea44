#include <uwaga/codegen/schedule/attention.h>

#include <algorithm>

#include <uwaga/codegen/attention.h>
#include <uwaga/codegen/kernel/sums.h>
#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/attention_few.h>
#include <uwaga/codegen/schedule/attention_flat.h>
#include <uwaga/codegen/schedule/attention_live.h>
#include <uwaga/codegen/schedule/attention_mask.h>
#include <uwaga/codegen/schedule/attention_passes.h>
#include <uwaga/codegen/schedule/attention_sides.h>
#include <uwaga/codegen/schedule/attention_tile_sums.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/register_tile.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {
namespace {

using namespace kernel;

constexpr int kTileRows = 6;
// What is packed of the keys serves so many blocks of queries, at most, if each thread still has so many tasks.
constexpr std::int64_t kMostBlocks = 4, kTasksAThread = 8;
static_assert(kTileRows % 2 == 0 && kKeyBlock % 2 == 0, "two keys of a word belong to one tile of rows");

std::int64_t features_of(const GraphData& g, Value v, const std::string& axis) { return *g.type(v).extent(axis).constant(); }

// Where there are tile registers, if all products are of bf16 and of whole tiles of features.
bool multiplied_in_tiles(const GraphData& g, const AttentionForm& f, const HostTarget& target) {
  return target.amx && target.vector_bytes == 4 * kernel::kTileColumns && target.registers >= 32 &&
         std::all_of(f.dots.begin(), f.dots.end(), [&](const TileDot& d) { return d.bf16 && features_of(g, d.key_side, d.feature) % (2 * kTileColumns) == 0; }) &&
         std::all_of(f.products.begin(), f.products.end(), [&](const TileProduct& p) { return p.bf16 && features_of(g, p.other, p.feature) % kTileColumns == 0; });
}

// Writes one kernel.
class AttentionKernel {
 public:
  AttentionKernel(const FlatAttention& flat, const AttentionForm& form, const HostTarget& target)
      : g_(flat.graph.data()), f_(form), p_(plan_passes(g_, form)), x_(b_, flat.graph, flat.cluster, flat.layouts, out_),
        lanes_(std::clamp(target.vector_bytes / 4, 1, 16)), threads_(target.threads), in_tiles_(multiplied_in_tiles(g_, form, target)), has_pairs_(in_tiles_ || (target.bf16_dot && !target.amx)), vectors_(target.registers >= 32 ? 4 : 2), panel_(static_cast<std::int64_t>(lanes_) * vectors_),
        tile_rows_(in_tiles_ ? kTileKeys : kTileRows), most_at_once_(target.registers >= 32 ? 2 * lanes_ : lanes_), sides_(b_, x_, form, lanes_, in_tiles_), live_(x_, form, panel_, tile_rows_),
        tile_sums_(x_, form, live_, lanes_, tile_rows_) {
    for (const std::string& axis : f_.batch) (divides_tasks(g_, f_, axis) ? tasks_ : inner_).push_back(axis);
    x_.let_every_op();
  }

  ScheduledKernel write() {
    algorithm();
    keys_ = x_.extent(f_.space.extent(f_.key));
    queries_ = x_.extent(f_.space.extent(f_.query));
    const Ex blocks = (queries_ + (kQueries - 1)) / kQueries, entries = x_.extent(product(f_.space, tasks_));
    const Ex entry = b_.grid(entries);
    Ex part, blocks_a_part;
    if (!f_.accumulates()) {
      blocks_a_part = max(min(entries * blocks / (kTasksAThread * threads_), b_.integer(kMostBlocks)), b_.integer(1));
      part = b_.grid((blocks + blocks_a_part - 1) / blocks_a_part);
    }
    add_scratch();
    spread(env_, tasks_, entry);
    if (part) {
      const Ex first = b_.let(part * blocks_a_part), end = b_.let(min(first + blocks_a_part, blocks));
      begin_queries(first, end);
      sides_.pack_keys(env_, [&](const auto& rows) { live_.key_blocks(rows); });  // those that these queries see
      x_.loop(first, end, 1, [&](Ex block) {
        begin_queries(block, block + 1);
        queries(block);
      });
    } else {
      clear_outputs();
      x_.loop(b_.integer(0), x_.extent(product(f_.space, inner_)), 1, [&](Ex i) {
        const IndexEnv before = env_;
        spread(env_, inner_, i);
        tile_sums_.clear_entry(env_);
        sides_.pack_keys(env_, [&](const auto& rows) { rows(b_.integer(0), keys_); });
        x_.loop(b_.integer(0), blocks, 1, [&](Ex q) {
          begin_queries(q, q + 1);
          queries(q);
        });
        tile_sums_.end_entry(env_);
        env_ = before;
      });
      store_totals();
    }
    out_.kernel = b_.finish();
    return std::move(out_);
  }

 private:
  // What is written from here on is no op's. Where an op of the body is computed, its statements carry the op (Inline::value).
  void algorithm() { b_.at(kAlgorithm); }

  // ---- what is divided how
  void spread(IndexEnv& env, const AxisNames& axes, Ex flat) {
    algorithm();
    spread_flat(x_, env, axes, f_.space, Index::scalar(flat));
    for (const std::string& axis : axes) env.axes[axis].base = b_.let(env.axes[axis].base);
  }

  // ---- scratch
  Pairs pairs_of(const TileDot& d) const {
    return has_pairs_ && lanes_ == 16 && d.bf16 && features_of(g_, d.key_side, d.feature) % (2 * lanes_) == 0 ? Pairs::features : Pairs::none;
  }
  Pairs pairs_of(const TileProduct& p) const { return has_pairs_ && lanes_ == 16 && p.bf16 ? Pairs::rows : Pairs::none; }
  const KeySide& key_side(const TileDot& d) { return sides_.key(d.key_side, d.feature, pairs_of(d), keys_); }
  const KeySide& key_side(const TileProduct& p) { return sides_.key(p.other, p.feature, pairs_of(p), keys_); }
  const QuerySide& query_side(const TileDot& d) { return sides_.query(d.query_side, d.feature, pairs_of(d), true); }
  const QuerySide& query_side(const TileProduct& p) { return sides_.query(p.other, p.feature, pairs_of(p), false); }

  void add_scratch() {
    for (const TileDot& d : f_.dots) {
      key_side(d);
      query_side(d);
    }
    // Tiles write whole rows of tiles: some rows beyond the last.
    const Ex rows = (keys_ + (kKeyBlock - 1)) / kKeyBlock * kKeyBlock + kTileRows;
    std::int64_t widest = 1;
    for (const TileProduct& p : f_.products) {
      if (p.over_keys) {
        key_side(p);
      } else {
        query_side(p);
        if (is_added_up_apart(p)) totals_[p.node] = b_.scratch(DType::f32, keys_ * features_of(g_, p.other, p.feature));
      }
      widest = std::max(widest, features_of(g_, p.other, p.feature));
      if (pairs_of(p) == Pairs::none) {
        singles_.insert(p.tile);
        continue;
      }
      NarrowTile& t = narrow_[p.tile];
      std::optional<BufferId>& to = p.over_keys ? t.by_keys : t.by_queries;
      if (!to) to = b_.scratch(DType::i32, rows / 2 * kQueries);
    }
    for (int s = 0; s < p_.slots; ++s) tiles_.push_back(b_.scratch(DType::f32, rows * kQueries));
    for (NodeId id : f_.reductions) results_[id] = b_.scratch(DType::f32, b_.integer(kQueries));
    for (const TileSum& s : f_.sums)
      if (!s.is_of_lanes()) singles_.insert(s.tile);
    rows_out_ = b_.scratch(DType::f32, b_.integer(round_up(widest, kTileRows) * kQueries));
    if (std::any_of(f_.products.begin(), f_.products.end(), [](const TileProduct& p) { return !p.over_keys; }))
      sums_ = b_.scratch(DType::f32, b_.integer(tile_rows_ * std::max(panel_, in_tiles_ ? widest : 0)));
    live_.add_scratch(keys_);
    tile_sums_.add_scratch();
  }

  Ex zeros() { return b_.splat(b_.real(0), lanes_); }

  // ---- blocks of queries
  void begin_queries(Ex block, Ex end) {
    algorithm();
    q0_ = b_.let(block * kQueries);
    count_ = b_.let(min(queries_, end * kQueries) - q0_);
    width_ = b_.let(min((count_ + (panel_ - 1)) / panel_ * panel_, b_.integer(kQueries)));
    live_.begin({q0_, count_, width_});
  }
  void queries(Ex block) {
    sides_.pack_queries(env_, q0_, count_, width_);
    live_.find();
    for (const TileDot& d : f_.dots) tile_dot(d);
    for (int pass = 0; pass <= p_.last; ++pass) run_pass(pass);
    tile_sums_.add(env_, block, [this](Value tile) { return tiles_[static_cast<std::size_t>(p_.final_slot.at(tile))]; });
    for (const TileProduct& p : f_.products) {
      if (p.over_keys) product_over_keys(p);
      else product_over_queries(p);
    }
  }

  // kTileRows x vectors sums of products: of rows of A with vectors of B, `b_step` apart from term to term, to C.
  struct Sums {
    BufferId a;
    std::vector<Ex> rows;
    Ex a_step, terms;
    BufferId b;
    Ex columns;
    std::int64_t b_step;
    BufferId c;
    Ex to;
    Ex c_pitch;
    bool adds = false, pairs = false, in_line = false;  // RegisterTile::adds, pairs, pairs_in_line
  };
  void register_tile(const Sums& s, int vectors) {
    multiply(b_, {.rows = kTileRows, .vectors = vectors, .lanes = lanes_, .a = s.a, .b = s.b, .c = s.c, .b_step = s.b_step, .pairs = s.pairs,
                  .pairs_in_line = s.in_line, .adds = s.adds, .shared = true},
             {s.rows, s.a_step, s.columns, s.to, s.c_pitch, s.terms});
  }
  // The same in tile registers, of `rows` rows by `columns`: whole tiles.
  void in_tiles(const TileOperand& a, const TileOperand& b, const TilesOfSums& c, Ex words, std::int64_t rows, std::int64_t columns) {
    constexpr std::int64_t kTwo = 2 * kTileColumns;
    const auto each_two = [&](std::int64_t n, const std::function<void(Ex first, int tiles)>& body) {
      x_.loop(b_.integer(0), b_.integer(n / kTwo * kTwo), kTwo, [&](Ex first) { body(first, 2); });
      if (n % kTwo != 0) body(b_.integer(n / kTwo * kTwo), 1);
    };
    each_two(rows, [&](Ex row, int down) {
      each_two(columns, [&](Ex column, int across) {
        multiply_tiles(b_, {a.buffer, a.begin + row * a.pitch, a.pitch}, {b.buffer, b.begin + column, b.pitch},
                       {c.buffer, c.begin + row * c.pitch + column, c.pitch, c.adds}, words, down, across, false);
      });
    });
  }
  Ex element_at(Ex key, Ex lane) { return key * kQueries + lane; }
  Ex tile_at(Ex key, Ex lane) { return b_.ramp(element_at(key, lane), lanes_); }
  Ex elements(Ex key, Ex lane) { return b_.ramp(element_at(key, lane), at_once_); }

  void tile_dot(const TileDot& d) {
    const KeySide& k = key_side(d);
    const QuerySide& q = query_side(d);
    const bool pairs = k.pairs == Pairs::features, in_line = pairs && k.stored;
    const BufferId to = tiles_[static_cast<std::size_t>(p_.slot.at({d.node, 0}))];
    live_.key_blocks([&](Ex k0, Ex end) {
      x_.at(d.node);
      x_.loop(k0, end, tile_rows_, [&](Ex row) {
        if (in_tiles_) {
          return live_.where(k0, end, row, b_.integer(0), [&] {
            in_tiles({k.buffer, row * k.row_step, k.row_step}, {q.columns, b_.integer(0), b_.integer(kQueries)},
                     {to, element_at(row, b_.integer(0)), b_.integer(kQueries)}, b_.integer(sides_.words(d.key_side, d.feature, k.pairs)),
                     kTileKeys, kQueries);
          });
        }
        std::vector<Ex> starts;
        for (int r = 0; r < kTileRows; ++r) starts.push_back(b_.let(k.base + min(row + r, end - 1) * k.row_step));
        x_.loop(b_.integer(0), width_, panel_, [&](Ex p) {
          live_.where(k0, end, row, p, [&] {
            const Ex step = in_line ? b_.integer(2) : k.feature_step;  // the features lie side by side
            register_tile({k.buffer, starts, step, b_.integer(sides_.words(d.key_side, d.feature, k.pairs)), q.columns, p, kQueries, to,
                           element_at(row, p), b_.integer(kQueries), false, pairs, in_line},
                          vectors_);
          });
        });
      });
    });
    x_.define({d.node, 0}, [this, to](const IndexEnv&) { return b_.load(to, elements(key_, lane_)); });
  }

  // Values without the key's axis that the elements of a tile use: computed once a row.
  void hoist_rows(int pass, const IndexEnv& env) {
    const auto inside = [&](Value v) { return x_.computes(v.node) && !defined_.contains(v); };
    for (Value v : row_values_of_pass(g_, f_, p_, pass, inside)) {
      x_.hoist(v, env);
      algorithm();
    }
  }

  void run_pass(int pass) {
    const auto& reduced = p_.reduced[static_cast<std::size_t>(pass)];
    const auto& kept = p_.kept[static_cast<std::size_t>(pass)];
    const bool last = pass == p_.last;
    at_once_ = last && !narrow_.empty() ? lanes_ : most_at_once_;
    const auto none = [&] { return b_.splat(b_.real(0), at_once_); };
    algorithm();
    for (const TileDot& d : f_.dots) defined_.insert({d.node, 0});
    x_.loop(b_.integer(0), width_, at_once_, [&](Ex lane) {
      lane_ = lane;
      IndexEnv env = env_.with(f_.query, Index::ramp(b_.let(q0_ + lane), at_once_, at_once_));
      const auto whole = f_.space.extent(f_.query).constant();
      const bool masked = !(whole && *whole % kQueries == 0);
      if (masked) env = env.masked(b_.let(b_.ramp(lane, at_once_) < b_.splat(count_, at_once_)));
      hoist_rows(pass, env);
      algorithm();
      struct Sum {
        Value of;
        bool maximum = false;
        BufferId to = 0;
        Ex all, block;
      };
      std::vector<Sum> sums;
      for (NodeId id : reduced) sums.push_back({g_.node(id).operands[0], g_.node(id).op == Op::reduce_max, results_.at(id), {}, {}});
      if (last)
        for (const TileSum& s : f_.sums)
          if (s.is_of_lanes()) sums.push_back({s.tile, false, tile_sums_.lanes(s), {}, {}});
      for (Sum& s : sums) s.all = b_.variable(s.maximum ? b_.splat(lowest(b_, DType::f32), at_once_) : none());
      live_.key_blocks([&](Ex k0, Ex end) {
        for (Sum& s : sums) s.block = s.maximum ? s.all : b_.variable(none());
        const Range keys = live_.of(k0, end, lane);
        const auto element = [&](Value v, const IndexEnv& at) {
          const Ex value = b_.let(b_.splat(x_.value(v, at), at_once_));
          algorithm();
          return value;
        };
        // What leaves the tile in pairs of keys is returned, in the order of narrow_.
        const auto add_key = [&](Ex key) {
          key_ = key;
          const IndexEnv at = env.with(f_.key, Index::scalar(key));
          std::vector<Ex> terms, paired;
          std::vector<std::pair<BufferId, Ex>> stores;
          for (const Sum& s : sums) terms.push_back(element(s.of, at));
          for (Value v : kept) stores.emplace_back(tiles_[static_cast<std::size_t>(p_.slot.at(v))], element(v, at));
          if (last) {
            for (Value v : p_.finals)
              if (singles_.contains(v)) stores.emplace_back(tiles_[static_cast<std::size_t>(p_.final_slot.at(v))], element(v, at));
            for (const auto& [v, to] : narrow_) {
              const Ex value = element(before_rounding(v), at);
              if (to.by_keys) paired.push_back(value);
              if (!to.by_queries) continue;
              const Ex there = env.mask ? b_.select(env.mask, value, none()) : value;
              b_.store(*to.by_queries, b_.ramp(element_at(key, lane) / 2, at_once_ / 2),
                       b_.lanes(b_.pairs(there, none(), true), 0, at_once_ / 2));
            }
          }
          for (const auto& [to, value] : stores) b_.store(to, elements(key, lane), value);
          for (std::size_t i = 0; i < sums.size(); ++i)
            b_.assign(sums[i].block, sums[i].maximum ? b_.apply(Op::max, {sums[i].block, terms[i]}) : sums[i].block + terms[i]);
          return paired;
        };
        if (!last || std::none_of(narrow_.begin(), narrow_.end(), [](const auto& t) { return t.second.by_keys.has_value(); })) {
          x_.loop(keys.begin, keys.end, 1, add_key);
        } else {
          const auto store = [&](Ex key, const std::vector<Ex>& first, const std::vector<Ex>& second) {
            std::size_t i = 0;
            for (const auto& [v, to] : narrow_) {
              if (!to.by_keys) continue;
              b_.store(*to.by_keys, elements(key / 2, lane), b_.pairs(first[i], second.empty() ? none() : second[i], false));
              ++i;
            }
          };
          const Ex whole = b_.let(keys.end - (keys.end - keys.begin) % 2);
          x_.loop(keys.begin, whole, 2, [&](Ex key) {
            const std::vector<Ex> first = add_key(key);
            store(key, first, add_key(b_.let(key + 1)));
          });
          x_.branch(whole < keys.end, [&] { store(whole, add_key(whole), {}); });
        }
        if (last && in_tiles_) clear_past(keys.end, lane);
        for (const Sum& s : sums)
          if (!s.maximum) b_.assign(s.all, s.all + s.block);
      });
      for (std::size_t i = 0; i < sums.size(); ++i) {
        Ex value = sums[i].all;
        if (i >= reduced.size() && env.mask) value = b_.select(env.mask, value, none());
        b_.store(sums[i].to, b_.ramp(lane, at_once_), value);
      }
    });
    for (NodeId id : reduced)
      x_.define({id, 0}, [this, from = results_.at(id)](const IndexEnv&) { return b_.load(from, b_.ramp(lane_, at_once_)); });
    for (Value v : kept) {
      defined_.insert(v);
      x_.define(v, [this, from = tiles_[static_cast<std::size_t>(p_.slot.at(v))]](const IndexEnv&) { return b_.load(from, elements(key_, lane_)); });
    }
  }

  // Words past the last key, up to a whole tile of them.
  void clear_past(Ex end, Ex lane) {
    algorithm();
    const Ex past = b_.let((end + (kTileKeys - 1)) / kTileKeys * kTileKeys);
    for (const auto& [v, to] : narrow_) {
      const auto clear = [&](BufferId buffer, Ex at, int lanes) { b_.store(buffer, b_.ramp(at, lanes), b_.splat(b_.integer(0, DType::i32), lanes)); };
      if (to.by_keys) x_.loop((end + 1) / 2, past / 2, 1, [&](Ex two) { clear(*to.by_keys, element_at(two, lane), lanes_); });
      if (to.by_queries) x_.loop(end, past, 1, [&](Ex key) { clear(*to.by_queries, element_at(key, lane) / 2, lanes_ / 2); });
    }
  }

  // The same numbers, where what rounds them is the last thing that happens to them.
  Value before_rounding(Value v) const {
    const Node& n = g_.node(v.node);
    return n.op == Op::cast && g_.type(n.operands[0]).dtype == DType::f32 ? n.operands[0] : v;
  }

  // ---- what takes a tile away
  void product_over_keys(const TileProduct& p) {
    const KeySide& k = key_side(p);
    const bool pairs = k.pairs == Pairs::rows;
    const BufferId tile = pairs ? *narrow_.at(p.tile).by_keys : tiles_[static_cast<std::size_t>(p_.final_slot.at(p.tile))];
    const std::int64_t per_step = pairs ? 2 : 1;
    const std::int64_t n = features_of(g_, p.other, p.feature);
    algorithm();
    x_.loop(b_.integer(0), b_.integer(round_up(n, kTileRows)), 1, [&](Ex e) {
      x_.loop(b_.integer(0), width_, lanes_, [&](Ex lane) { b_.store(rows_out_, tile_at(e, lane), zeros()); });
    });
    live_.key_blocks([&](Ex k0, Ex end) {
      x_.at(p.node);
      if (in_tiles_) {
        const Range keys = live_.of(k0, end, b_.integer(0));
        const Ex first = b_.let(keys.begin / 2), pitch = b_.integer(kQueries);
        return in_tiles({k.buffer, first, k.feature_step}, {tile, first * kQueries, pitch}, {rows_out_, b_.integer(0), pitch, true},
                        b_.let((keys.end - keys.begin + 1) / 2), n, kQueries);
      }
      x_.loop(b_.integer(0), b_.integer(n), kTileRows, [&](Ex feature) {
        x_.loop(b_.integer(0), width_, panel_, [&](Ex panel) {
          const Range keys = live_.of(k0, end, panel);
          std::vector<Ex> starts;
          const Ex first = keys.begin / per_step, steps = (keys.end - keys.begin + (per_step - 1)) / per_step;
          for (int r = 0; r < kTileRows; ++r) starts.push_back(b_.let(k.base + first * k.row_step + min(feature + r, b_.integer(n - 1)) * k.feature_step));
          register_tile({k.buffer, starts, k.row_step, steps, tile, element_at(first, panel), kQueries, rows_out_, element_at(feature, panel),
                         b_.integer(kQueries), true, pairs},
                        vectors_);
        });
      });
    });
    store_turned(p, n);
  }
  // What rows_out_ holds of `n` features, a row a query: squares of as many features as queries, turned over in registers.
  void store_turned(const TileProduct& p, std::int64_t n) {
    const auto at = [&](Ex i, Ex e) { return env_.with(f_.query, Index::scalar(b_.let(q0_ + i))).with(p.feature, Index::ramp(e, lanes_, lanes_)); };
    const Ex whole = b_.let(n % lanes_ == 0 ? count_ / lanes_ * lanes_ : b_.integer(0));
    x_.loop(b_.integer(0), whole, lanes_, [&](Ex i) {
      x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
        turn_over(b_, lanes_, [&](std::int64_t j) { return b_.load(rows_out_, tile_at(e + j, i)); },
                  [&](std::int64_t j, Ex values) { x_.store({p.node, 0}, at(i + j, e), values); });
      });
    });
    x_.loop(whole, count_, 1, [&](Ex i) {
      x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
        IndexEnv here = at(i, e);
        if (n % lanes_ != 0) here = here.masked(b_.ramp(e, lanes_) < b_.splat(b_.integer(n), lanes_));
        x_.store({p.node, 0}, here, b_.load(rows_out_, b_.ramp(e * kQueries + i, lanes_, b_.integer(kQueries)), here.mask));
      });
    });
  }

  void product_over_queries(const TileProduct& p) {
    const QuerySide& q = query_side(p);
    const bool pairs = q.pairs == Pairs::rows;
    const BufferId tile = pairs ? *narrow_.at(p.tile).by_queries : tiles_[static_cast<std::size_t>(p_.final_slot.at(p.tile))];
    const std::int64_t n = features_of(g_, p.other, p.feature), pitch = sides_.pitch(p.other, p.feature, q.pairs), per_step = pairs ? 2 : 1;
    int vectors = vectors_;
    while (pitch / lanes_ % vectors != 0) vectors /= 2;
    const Value result{p.node, 0};
    const auto features = [&](const IndexEnv& at, Ex first) { return at.with(p.feature, Index::ramp(first, lanes_, lanes_)); };
    const auto total = totals_.find(p.node);
    const bool apart = total != totals_.end();
    // Whole tiles are added to what is there where whole vectors of features lie in memory, others by way of scratch: so are all in
    // tile registers, where a sum would go on from what is there.
    Ex row_step;
    const std::int64_t* step = constant_of(x_.stride(result, p.feature));
    if (apart) row_step = b_.integer(n);
    else if (!in_tiles_ && step && *step == 1 && n % lanes_ == 0 && g_.type(result).dtype == DType::f32) row_step = b_.let(x_.stride(result, f_.key));
    using Multiply = std::function<void(BufferId c, Ex to, Ex c_pitch, bool adds)>;
    const auto add = [&](Ex row, Ex end, Ex first, std::int64_t width, const Multiply& multiply) {
      const auto by_way_of_scratch = [&] {
        multiply(sums_, b_.integer(0), b_.integer(width), false);
        x_.loop(row, min(row + tile_rows_, end), 1, [&](Ex r) {
          x_.loop(b_.integer(0), b_.integer(width), lanes_, [&](Ex e) {
            const Ex more = b_.load(sums_, b_.ramp((r - row) * width + e, lanes_));
            if (apart) {
              const Ex to = b_.ramp(r * n + (first + e), lanes_);
              return b_.store(total->second, to, b_.load(total->second, to) + more);
            }
            IndexEnv at = features(env_.with(f_.key, Index::scalar(r)), first + e);
            if (n % lanes_ != 0) at = at.masked(b_.ramp(first + e, lanes_) < b_.splat(b_.integer(n), lanes_));
            x_.store(result, at, x_.load(result, at) + more);
          });
        });
      };
      if (in_tiles_ || !row_step) return by_way_of_scratch();
      x_.branch(row + tile_rows_ < end + 1, [&] {
        if (apart) return multiply(total->second, row * n + first, row_step, true);
        const Ex to = b_.let(lanes_of(x_.address(result, env_.with(f_.key, Index::scalar(row)).with(p.feature, Index::scalar(first)))));
        multiply(x_.buffer(result, true), to, row_step, true);
      }, by_way_of_scratch);
    };
    live_.key_blocks([&](Ex k0, Ex end) {
      x_.at(p.node);
      if (in_tiles_) {
        return x_.loop(k0, end, tile_rows_, [&](Ex row) {
          live_.where(k0, end, row, b_.integer(0), [&] {
            const Ex words = b_.integer(kQueries / 2);
            add(row, end, b_.integer(0), n, [&](BufferId c, Ex to, Ex c_pitch, bool adds) {
              in_tiles({tile, row * (kQueries / 2), words}, {q.rows, b_.integer(0), b_.integer(pitch)}, {c, to, c_pitch, adds}, words, tile_rows_, n);
            });
          });
        });
      }
      x_.loop(k0, end, tile_rows_, [&](Ex row) {
        const Range seeing = live_.queries_that_see(k0, end, row);
        std::vector<Ex> starts;
        for (int r = 0; r < kTileRows; ++r) starts.push_back(b_.let((min(row + r, end - 1) * kQueries + seeing.begin) / per_step));
        const std::int64_t width = static_cast<std::int64_t>(vectors) * lanes_;
        x_.loop(b_.integer(0), b_.integer(pitch), width, [&](Ex panel) {
          const Ex steps = (seeing.end - seeing.begin + (per_step - 1)) / per_step;
          add(row, end, panel, width, [&](BufferId c, Ex to, Ex c_pitch, bool adds) {
            register_tile({tile, starts, b_.integer(1), steps, q.rows, seeing.begin / per_step * pitch + panel, pitch, c, to, c_pitch, adds, pairs}, vectors);
          });
        });
      });
    });
  }

  // A task adds up what it can in rows side by side, and stores it when all is there: rows of one head lie as far apart as those of
  // all heads are wide, which leaves them only a part of a cache.
  bool is_added_up_apart(const TileProduct& p) const {
    const Type& t = g_.type({p.node, 0});
    return t.dtype == DType::f32 && features_of(g_, p.other, p.feature) % lanes_ == 0 &&
           std::none_of(inner_.begin(), inner_.end(), [&](const std::string& axis) { return t.has(axis); });
  }
  void store_totals() {
    for (const TileProduct& p : f_.products) {
      const auto total = totals_.find(p.node);
      if (total == totals_.end()) continue;
      const std::int64_t n = features_of(g_, p.other, p.feature);
      x_.at(p.node);
      x_.loop(b_.integer(0), keys_, 1, [&](Ex key) {
        x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
          x_.store({p.node, 0}, env_.with(f_.key, Index::scalar(key)).with(p.feature, Index::ramp(e, lanes_, lanes_)),
                   b_.load(total->second, b_.ramp(key * n + e, lanes_)));
        });
      });
    }
  }

  // What is added up starts at 0, in all elements that belong to the task.
  void clear_outputs() {
    for (const TileProduct& p : f_.products) {
      if (p.over_keys) continue;
      if (const auto total = totals_.find(p.node); total != totals_.end()) {
        x_.loop(b_.integer(0), keys_ * features_of(g_, p.other, p.feature), lanes_,
                [&](Ex i) { b_.store(total->second, b_.ramp(i, lanes_), zeros()); });
        continue;
      }
      const Type& t = g_.type({p.node, 0});
      AxisNames rest;
      for (const Dim& d : t.dims)
        if (d.axis != p.feature && !contains(tasks_, d.axis)) rest.push_back(d.axis);
      const std::int64_t n = features_of(g_, p.other, p.feature);
      each_index(x_, env_, t, rest, [&](const IndexEnv& env) {
        x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
          IndexEnv at = env.with(p.feature, Index::ramp(e, lanes_, lanes_));
          if (n % lanes_ != 0) at = at.masked(b_.ramp(e, lanes_) < b_.splat(b_.integer(n), lanes_));
          x_.store({p.node, 0}, at, zeros());
        });
      });
    }
    tile_sums_.clear_results(env_, tasks_);
  }

  const GraphData& g_;
  const AttentionForm& f_;
  const AttentionPasses p_;
  KernelBuilder b_{"attention"};
  ScheduledKernel out_;
  Inline x_;
  const int lanes_, threads_;
  const bool in_tiles_, has_pairs_;  // pairs also where tiles multiply them
  const int vectors_;
  const std::int64_t panel_, tile_rows_;
  // Queries that a pass computes at once: as many registers permit, two vectors, since one would wait for the sum before.
  const int most_at_once_;
  int at_once_ = 1;
  AxisNames tasks_, inner_;  // batch axes: of the grid, and looped over by a task
  AttentionSides sides_;
  LiveKeys live_;
  TileSums tile_sums_;
  std::vector<BufferId> tiles_;
  // Tiles that products take in pairs, as words: of two keys [key / 2][64 queries], of two queries [key][32].
  struct NarrowTile {
    std::optional<BufferId> by_keys, by_queries;
  };
  std::map<Value, NarrowTile> narrow_;
  std::set<Value> singles_;  // tiles that leave in f32
  std::map<NodeId, BufferId> results_;
  std::map<NodeId, BufferId> totals_;  // of products that are added up apart: [key feature]
  std::set<Value> defined_;  // tiles in scratch
  BufferId rows_out_ = 0, sums_ = 0;
  IndexEnv env_;  // batch indices
  Ex keys_, queries_, q0_, count_, width_;
  Ex key_, lane_;  // where a pass stands
};

}  // namespace

Schedule attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const FlatAttention flat = flatten_attention(graph, cluster, layouts);
  std::string reason;
  const auto form = find_attention_form(flat.graph, flat.query, flat.key, reason);
  if (!form) throw InternalError("an attention cluster that no kernel computes: " + reason);
  Schedule s;
  s.kernels.push_back(flat.outside(has_few_queries(*form, target) ? attention_of_few(flat, *form, target) : AttentionKernel(flat, *form, target).write()));
  add_up_sums(s, flat, *form);
  return s;
}

}  // namespace uwaga::schedule
