#include <uwaga/codegen/schedule/contraction.h>

#include <algorithm>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/register_tile.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

using namespace kernel;
using namespace schedule;

// Terms of one fma chain; part of the meaning of a sum (contracts, section 3).
constexpr std::int64_t kBlock = 512;
// Rows and columns of C that one task computes, at most. They bound its scratch and set how often operands are packed again:
// an element of B serves all rows of the task, one of A all its columns. Narrow results get narrow tasks, for the threads.
constexpr std::int64_t kTaskRows = 384, kTaskColumns = 128, kNarrowColumns = 64, kNarrow = 1024;
// Terms of a product, at least, whose innermost loops are routines: a call costs as much as a few steps.
constexpr std::int64_t kSharedTerms = 256;
// Tiles of a task, at least, behind which the next block is fetched: fewer hide nothing of it.
constexpr std::int64_t kHidingTiles = 4;
// Terms of a product, at least, behind which what its epilogue takes is fetched.
constexpr std::int64_t kHidingTerms = 64;
// Steps by which what is packed is fetched ahead: its pieces lie too far apart for a processor to guess the next.
constexpr std::int64_t kStepsAhead = 16;
// Row tiles that are packed together from an A whose rows lie one after the other: a few cache lines of each term.
constexpr std::int64_t kGroupTiles = 8;

std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

// Writes one kernel. A step of its innermost loops is one term, or two where the target multiplies pairs of bf16: then both
// operands are packed as i32 that hold two terms each, and an odd last term is paired with a zero. Where it multiplies tiles of
// them, a tile has sixteen steps, and what a block lacks of whole tiles is zero in both.
class Contraction {
 public:
  Contraction(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target)
      : g_(graph.data()), cluster_(cluster), layouts_(layouts), roles_(find_roles(g_, cluster, layouts)),
        x_(b_, graph, cluster, layouts, out_), axes_(collapse_roles(x_, roles_)) {
    const Node& n = g_.node(roles_.node);
    dtype_ = computing(n.types[0].dtype);
    const DType operand = computing(g_.type(roles_.a).dtype);
    if (operand == DType::f32) dtype_ = DType::f32;
    // Without columns there is nothing to lie across a vector: inner products, one an entry of the batch.
    lanes_ = roles_.columns.empty() ? 1 : std::max(1, target.vector_bytes / static_cast<int>(size_of(dtype_)));
    pairs_ = lanes_ > 1 && multiplied_in_pairs(g_, roles_, dtype_, target);
    tiles_ = pairs_ && target.amx;
    per_step_ = pairs_ ? 2 : 1;
    const std::int64_t per_turn = tiles_ ? per_step_ * kTileColumns : per_step_;  // terms that are packed together
    const Type& t = n.types[0];
    const Type &a = g_.type(roles_.a), &b = g_.type(roles_.b);
    rows_ = product(a, roles_.rows);
    columns_ = product(b, roles_.columns);
    terms_ = product(a, roles_.over);
    batch_ = product(t, roles_.batch);
    choose_tile(target);
    const auto fit = [](const Extent& have, std::int64_t unit, int most) {
      const auto c = have.constant();
      return c ? static_cast<int>(std::clamp(round_up(*c, unit), unit, std::int64_t{most})) : most;
    };
    tile_rows_ = fit(rows_, tiles_ ? kTileRows : 1, tile_rows_);
    tile_vectors_ = fit(columns_, tiles_ ? kTileColumns : lanes_, tile_vectors_ * lanes_) / lanes_;
    task_rows_ = kTaskRows / tile_rows_ * tile_rows_;
    if (const auto c = rows_.constant()) task_rows_ = std::min(task_rows_, round_up(*c, tile_rows_));
    panel_ = static_cast<std::int64_t>(tile_vectors_) * lanes_;
    const auto columns = columns_.constant(), all_rows = rows_.constant();
    const bool narrow = columns && *columns < kNarrow && !(all_rows && *all_rows >= kNarrow);
    const std::int64_t most = (narrow ? kNarrowColumns : kTaskColumns) * (tiles_ ? 2 : 1) * (tile_vectors_ == 3 ? 3 : 4) / 4;
    task_columns_ = std::max(most / panel_, std::int64_t{1}) * panel_;
    if (columns) task_columns_ = std::min(task_columns_, round_up(*columns, panel_));
    epilogue_lanes_ = lanes_;
    if (task_columns_ % (2 * lanes_) == 0 && has_long_chains(g_, cluster.nodes, target)) epilogue_lanes_ *= 2;
    block_ = kBlock;
    whole_steps_ = !pairs_;
    if (const auto c = terms_.constant()) {
      block_ = round_up(std::clamp<std::int64_t>(*c, 1, kBlock), per_turn);
      whole_steps_ = *c % per_turn == 0;
      turns_divide_ = *c % (per_step_ * kStepsATurn) == 0;
    }
    many_terms_ = lanes_ > 1 && terms_.constant().value_or(kSharedTerms) >= kSharedTerms;
  }

  Schedule write() {
    b_.at(roles_.ordinal);
    const Ex m = x_.extent(rows_), n = x_.extent(columns_), k = x_.extent(terms_);
    const Ex entry = b_.grid(x_.extent(batch_));
    const Ex row_blocks = (m + (task_rows_ - 1)) / task_rows_, column_blocks = (n + (task_columns_ - 1)) / task_columns_;
    // Tasks that follow one another share the operand that is likely the larger one: the other stays in cache.
    const auto r = rows_.constant(), c = columns_.constant();
    const bool rows_first = r && (!c || *r > *c);
    Ex row_block, column_block;
    if (rows_first) row_block = b_.grid(row_blocks);
    column_block = b_.grid(column_blocks);
    if (!rows_first) row_block = b_.grid(row_blocks);
    plan_b();
    const bool one_block = terms_.constant() && *terms_.constant() <= kBlock;
    panels_b_ = b_.scratch(packed(), b_.integer(task_columns_ * pitch_));
    tile_c_ = b_.scratch(dtype_, b_.integer((one_block ? tile_rows_ : task_rows_ + tile_rows_) * task_columns_));
    plan_a();
    for (Value v : {roles_.a, roles_.b})
      for (const Dim& d : g_.type(v).dims) base_env_.axes[d.axis] = Index::scalar(b_.integer(0));
    spread(base_env_, axes_.batch, Index::scalar(entry));
    m_ = m;
    n_ = n;
    // The blocks are of one size, as whole tiles allow: threads get equal shares.
    const Ex blocks_of_rows = b_.let(max((m + (task_rows_ - 1)) / task_rows_, b_.integer(1)));
    const Ex tiles_of_rows = b_.let((m + (tile_rows_ - 1)) / tile_rows_);
    row0_ = b_.let(min(row_block * tiles_of_rows / blocks_of_rows * tile_rows_, m));
    row_end_ = b_.let(min((row_block + 1) * tiles_of_rows / blocks_of_rows * tile_rows_, m));
    const Ex many = b_.let((row_end_ - row0_ + (tile_rows_ - 1)) / tile_rows_);
    share_ = b_.let(b_.select(many < kHidingTiles, b_.integer(0), (many + (pieces() - 1)) / many));
    column0_ = b_.let(column_block * task_columns_);
    panel_count_ = whole_columns() ? b_.integer(task_columns_ / panel_)
                                   : b_.let((min(n - column0_, b_.integer(task_columns_)) + (panel_ - 1)) / panel_);

    if (!one_block) {
      // What a block is added to, the first one too: -0, which leaves every number as it is.
      const Ex nothing = b_.splat(is_float(dtype_) ? b_.real(-0.0, dtype_) : zero(), lanes_);
      x_.loop(b_.integer(0), (row_end_ - row0_ + (tile_rows_ - 1)) * task_columns_, lanes_,
              [&](Ex i) { b_.store(tile_c_, b_.ramp(i, lanes_), nothing); });
    }
    const Ex blocks = one_block ? b_.integer(1) : max((k + (kBlock - 1)) / kBlock, b_.integer(1));
    x_.loop(b_.integer(0), blocks, 1, [&](Ex block) {
      b_.at(roles_.ordinal);
      const Ex k0 = b_.let(block * kBlock);
      const Ex count = b_.let(min(k - k0, b_.integer(kBlock)));
      pack_b(k0, count);
      // Rows are written as soon as they are there: while the next are computed, they travel to memory.
      const auto rows = [&](Ex row, Ex group) {
        prefetch_b(row, k0);
        const Ex first = one_block ? row : row0_;  // of the rows in tile_c_
        tiles(row, group, first, k0, count, one_block ? Ex() : k < k0 + (kBlock + 1));
        if (one_block) epilogue(row, first);
        else x_.branch(k < k0 + (kBlock + 1), [&] { epilogue(row, first); });
      };
      if (packs_a_) {
        x_.loop(row0_, row_end_, group_rows_, [&](Ex group) {
          pack_a(group, k0, count);
          x_.loop(group, min(group + group_rows_, row_end_), tile_rows_, [&](Ex row) { rows(row, group); });
        });
      } else {
        x_.loop(row0_, row_end_, tile_rows_, [&](Ex row) { rows(row, row); });
      }
    });
    Schedule s;
    out_.kernel = b_.finish();
    for (NodeId id : cluster_.nodes) out_.origins.push_back(g_.node(id).provenance);
    s.kernels.push_back(std::move(out_));
    return s;
  }

 private:
  // As many sums as registers hold beside what is multiplied: 32 registers hold 8 x 3 or 12 x 2 vectors of them, 16 hold 4 x 3, where
  // a product needs none of its own, or 6 x 2. Three vectors load less a step; two waste less past the last column of few.
  void choose_tile(const HostTarget& target) {
    if (tiles_) {  // four sums, two operands of each side
      tile_rows_ = 2 * kTileRows;
      tile_vectors_ = 2 * kTileColumns / lanes_;
      return;
    }
    const bool many = target.registers >= 32, fused = is_float(dtype_) && target.vector_bytes >= 32;
    const auto c = columns_.constant();
    const std::int64_t three = 3 * static_cast<std::int64_t>(lanes_), two = 2 * static_cast<std::int64_t>(lanes_);
    bool wasteful = c && 16 * round_up(*c, three) > 17 * round_up(*c, two);
    if (!many) wasteful = !fused || !c || *c % two != 0 || 64 * round_up(*c, three) > 65 * *c;
    tile_vectors_ = wasteful ? 2 : 3;
    tile_rows_ = (many ? 24 : 12) / tile_vectors_;
  }
  void spread(IndexEnv& env, const std::vector<LoopAxis>& axes, Index flat) { set_flat(x_, env, axes, flat); }

  DType packed() const { return pairs_ ? DType::i32 : dtype_; }
  Ex zero() { return is_float(dtype_) ? b_.real(0, dtype_) : b_.integer(0, dtype_); }
  Ex operand(Value v, const IndexEnv& env) {
    const Node& n = g_.node(v.node);
    const bool rounded_in_pairs = pairs_ && x_.computes(v.node) && n.op == Op::cast && g_.type(n.operands[0]).dtype == DType::f32;
    const Ex value = x_.value(rounded_in_pairs ? n.operands[0] : v, env);
    return value.type().dtype == dtype_ ? value : b_.cast(value, dtype_);
  }

  // What step `step` of the block at k0 multiplies, as it is packed. `env` has all indices but those of the terms.
  Ex step_of(Value v, const IndexEnv& env, Ex k0, Ex step, Ex count) {
    const auto term = [&](Ex number) {
      IndexEnv at = env;
      spread(at, axes_.over, Index::scalar(number));
      return b_.splat(operand(v, at), lanes_);
    };
    if (!pairs_) return term(k0 + step);
    const Ex first = k0 + step * 2;
    if (whole_steps_) return b_.pairs(term(first), term(first + 1), false);
    const Ex second = b_.let(min(first + 1, k0 + (count - 1)));
    return b_.pairs(term(first), b_.select(b_.splat(first < second, lanes_), term(second), b_.splat(zero(), lanes_)), false);
  }

  // The same, and zero past the last of those that packed_steps counts.
  Ex filled_step_of(Value v, const IndexEnv& env, Ex k0, Ex step, Ex count) {
    if (!tiles_ || whole_steps_) return step_of(v, env, k0, step, count);
    const Ex there = b_.let(step < steps(count)), last = b_.let(min(step, steps(count) - 1));
    return b_.select(b_.splat(there, lanes_), step_of(v, env, k0, last, count), b_.splat(b_.integer(0, packed()), lanes_));
  }

  void plan_b() {
    stored_b_ = leading_operand(x_, roles_.b);
    const AxisNames order = stored_b_ ? order_of(g_, layouts_, stored_b_->stored) : AxisNames();
    across_b_ = lanes_ > 1 && !order.empty() && !roles_.over.empty() && stored_b_->names.at(roles_.over.back()) == order.back();
    const std::int64_t steps = block_ / per_step_;
    pitch_ = across_b_ ? round_up(steps, std::max<std::int64_t>(lanes_, 64 / static_cast<std::int64_t>(size_of(dtype_)))) : steps;
  }

  // A is read in place where its terms lie one after the other; else it is packed, a group of rows at a time.
  void plan_a() {
    group_rows_ = tile_rows_;
    if (!tiles_) direct_a_ = operand_in_line(x_, roles_.a, roles_.over, pairs_ ? DType::bf16 : dtype_);
    if (direct_a_) return;
    // Of rows a line more apart, a tile's do not all fall into the same few sets of a cache.
    pitch_a_ = block_ / per_step_ + (tiles_ ? kTileColumns : 0);
    if (const auto d = leading_operand(x_, roles_.a)) {
      const AxisNames order = order_of(g_, layouts_, d->stored);
      along_rows_ = !order.empty() && !roles_.rows.empty() && d->names.at(roles_.rows.back()) == order.back();
      stored_a_ = d;
    }
    packs_a_ = true;
    across_a_ = tiles_ && along_rows_;
    along_rows_ = along_rows_ && !tiles_;
    if (along_rows_) {
      group_rows_ = std::min(kGroupTiles * tile_rows_, task_rows_);
      // A vector stored at a tile's last term reaches past it.
      tile_pitch_ = round_up(block_ / per_step_ * tile_rows_ + lanes_, tile_rows_ * lanes_);
      packed_a_ = b_.scratch(packed(), b_.integer(tile_pitch_ * (group_rows_ / tile_rows_)));
    } else {
      packed_a_ = b_.scratch(packed(), b_.integer(group_rows_ * pitch_a_));
    }
  }

  void pack_a(Ex group, Ex k0, Ex count) {
    if (along_rows_) {
      // The rows of a tile side by side, one step after another. Whole vectors are stored: what they write past the tile's
      // rows is written over by the next step.
      const auto step_of_tile = [&](Ex step, Ex row, Ex to, bool masked) {
        for (int v = 0; v < tile_rows_; v += lanes_) {
          IndexEnv at = masked ? base_env_.masked(b_.ramp(row + v, lanes_) < b_.splat(m_, lanes_)) : base_env_;
          spread(at, axes_.rows, Index::ramp(row + v, lanes_));
          b_.store(packed_a_, b_.ramp(to + step * tile_rows_ + v, lanes_), step_of(roles_.a, at, k0, step, count));
        }
      };
      // A vector may hold the rows of several tiles.
      const std::int64_t tiles = group_rows_ / tile_rows_, at_once = lanes_ % tile_rows_ == 0 ? lanes_ / tile_rows_ : 1;
      const std::int64_t past = at_once > 1 ? round_up(group_rows_, lanes_) - group_rows_ : round_up(tile_rows_, lanes_) - tile_rows_;
      x_.branch(m_ < group + (group_rows_ + past),
                [&] {
                  x_.loop(group, min(group + group_rows_, row_end_), tile_rows_, [&](Ex row) {
                    const Ex to = (row - group) * (tile_pitch_ / tile_rows_);
                    x_.loop(b_.integer(0), steps(count), 1, [&](Ex step) { step_of_tile(step, row, to, true); });
                  });
                },
                [&] {
                  x_.loop(b_.integer(0), steps(count), 1, [&](Ex step) {
                    fetch_ahead(stored_a_, axes_.rows, group, group_rows_, k0, step);
                    if (at_once == 1) {
                      for (std::int64_t tile = 0; tile < tiles; ++tile)
                        step_of_tile(step, group + tile * tile_rows_, b_.integer(tile * tile_pitch_), false);
                      return;
                    }
                    for (std::int64_t tile = 0; tile < tiles; tile += at_once) {
                      IndexEnv at = base_env_;
                      spread(at, axes_.rows, Index::ramp(group + tile * tile_rows_, lanes_));
                      const Ex rows = b_.let(step_of(roles_.a, at, k0, step, count));
                      for (std::int64_t i = 0; i < std::min(at_once, tiles - tile); ++i)
                        b_.store(packed_a_, b_.ramp(step * tile_rows_ + (tile + i) * tile_pitch_, tile_rows_),
                                 b_.lanes(rows, static_cast<int>(i) * tile_rows_, tile_rows_));
                    }
                  });
                });
      return;
    }
    if (across_a_) return pack_a_across(group, k0, count);
    x_.loop(b_.integer(0), b_.integer(group_rows_), 1, [&](Ex row) {
      IndexEnv env = base_env_;
      spread(env, axes_.rows, Index::scalar(b_.let(min(group + row, m_ - 1))));
      const auto vector = [&](Ex term, bool masked) {
        const auto terms_from = [&](Ex from) {
          IndexEnv at = masked ? env.masked(b_.ramp(k0 + from, lanes_) < b_.splat(k0 + count, lanes_)) : env;
          spread(at, axes_.over, Index::ramp(k0 + from, lanes_, lanes_));
          const Ex value = b_.splat(operand(roles_.a, at), lanes_);
          if (!masked || whole_steps_) return value;
          return b_.select(b_.ramp(from, lanes_) < b_.splat(count, lanes_), value, b_.splat(zero(), lanes_));
        };
        const Ex step = term / per_step_;
        const Ex value = pairs_ ? b_.pairs(terms_from(term), terms_from(term + lanes_), true) : terms_from(term);
        b_.store(packed_a_, b_.ramp(row * pitch_a_ + step, lanes_), value,
                 masked && !tiles_ ? b_.ramp(step, lanes_) < b_.splat(steps(count), lanes_) : Ex());
      };
      const std::int64_t step = per_step_ * lanes_;
      const Ex whole = whole_vectors() ? count : b_.let(count / step * step);
      x_.loop(b_.integer(0), whole, step, [&](Ex term) { vector(term, false); });
      if (tiles_ && !whole_steps_) x_.loop(whole, packed_steps(count) * per_step_, step, [&](Ex term) { vector(term, true); });
      else if (!whole_vectors()) x_.branch(whole < count, [&] { vector(whole, true); });
    });
  }

  // For tiles, of an A whose rows lie one after the other: squares of as many rows as steps, turned over in registers.
  void pack_a_across(Ex group, Ex k0, Ex count) {
    x_.loop(b_.integer(0), b_.integer(tile_rows_), lanes_, [&](Ex first) {
      IndexEnv at = base_env_.masked(b_.ramp(group + first, lanes_) < b_.splat(m_, lanes_));
      spread(at, axes_.rows, Index::ramp(group + first, lanes_));
      x_.loop(b_.integer(0), packed_steps(count), lanes_, [&](Ex from) {
        std::vector<Ex> square;
        for (std::int64_t i = 0; i < lanes_; ++i) square.push_back(b_.let(filled_step_of(roles_.a, at, k0, from + i, count)));
        turn_over(b_, square);
        for (std::int64_t i = 0; i < lanes_; ++i)
          b_.store(packed_a_, b_.ramp((first + i) * pitch_a_ + from, lanes_), square[static_cast<std::size_t>(i)]);
      });
    });
  }

  // While the panels of a tile are computed, what pack_a reads next comes closer: the rows of the next tile, or after the last
  // those of the first in the next block.
  void fetch_rows(Ex row, Ex k0, Ex panel) {
    if (!packs_a_ || along_rows_ || across_a_ || !stored_a_ || lanes_ == 1) return;
    const Ex more = row + tile_rows_ < row_end_;
    const Ex next = b_.let(b_.select(more, row + tile_rows_, row0_)), term = b_.let(b_.select(more, k0, k0 + kBlock));
    const Ex share = (panel_count_ + (tile_rows_ - 1)) / panel_count_;
    x_.loop(b_.let(panel * share), b_.let(min((panel + 1) * share, b_.integer(tile_rows_))), 1, [&](Ex r) {
      IndexEnv env = base_env_;
      spread(env, axes_.rows, Index::scalar(b_.let(min(next + r, m_ - 1))));
      spread(env, axes_.over, Index::scalar(term));
      fetch(x_, *stored_a_, env, block_);
    });
  }

  Ex steps(Ex count) { return pairs_ ? (count + 1) / 2 : count; }
  // Those that are packed: of whole tiles.
  Ex packed_steps(Ex count) {
    return tiles_ && !whole_steps_ ? (steps(count) + (kTileColumns - 1)) / kTileColumns * kTileColumns : steps(count);
  }

  // Where a step of a panel begins, in the buffer of panels.
  Ex panel_at(Ex panel, Ex step) { return (panel * pitch_ + step) * panel_; }

  void pack_b(Ex k0, Ex count) {
    if (across_b_) {
      pack_b_across(k0, count);
      return;
    }
    // Whole rows of the task's columns, one step after another: each is read once and in one piece.
    x_.loop(b_.integer(0), packed_steps(count), 1, [&](Ex step) {
      fetch_ahead(stored_b_, axes_.columns, column0_, task_columns_, k0, step);
      x_.loop(b_.integer(0), panel_count_, 1, [&](Ex panel) {
        const Ex column = b_.let(column0_ + panel * panel_);
        for (int v = 0; v < tile_vectors_; ++v) {
          const Ex first = column + static_cast<std::int64_t>(v) * lanes_;
          IndexEnv at = whole_columns() ? base_env_ : base_env_.masked(b_.ramp(first, lanes_) < b_.splat(n_, lanes_));
          spread(at, axes_.columns, Index::ramp(first, lanes_, lanes_));
          b_.store(panels_b_, b_.ramp(panel_at(panel, step) + static_cast<std::int64_t>(v) * lanes_, lanes_),
                   filled_step_of(roles_.b, at, k0, step, count));
        }
      });
    });
  }

  // Of an operand that is packed along `axes`: `length` elements from `first`, of the term that comes up a few steps later.
  void fetch_ahead(const std::optional<StoredOperand>& operand, const std::vector<LoopAxis>& axes, Ex first, std::int64_t length,
                   Ex k0, Ex step) {
    if (!operand || lanes_ == 1 || axes_.over.size() != 1) return;
    for (std::int64_t t = 0; t < per_step_; ++t) {
      IndexEnv env = base_env_;
      spread(env, axes, Index::scalar(first));
      spread(env, axes_.over, Index::scalar(k0 + ((step + kStepsAhead) * per_step_ + t)));
      fetch(x_, *operand, env, length);
    }
  }

  // What lies in one of the operand that pack_b reads: of a column its terms, or of a term its columns.
  std::int64_t pieces() const { return across_b_ ? task_columns_ : block_; }

  // While a tile is computed, its share of what pack_b reads next comes closer: the next block of these columns, or after the
  // last the first of the next columns.
  void prefetch_b(Ex row, Ex k0) {
    if (!stored_b_ || lanes_ == 1) return;
    b_.at(roles_.ordinal);
    const Ex past = k0 + kBlock, more = past < x_.extent(terms_);
    const Ex term0 = b_.let(b_.select(more, past, b_.integer(0)));
    const Ex from = b_.let(b_.select(more, column0_, column0_ + task_columns_));
    const std::int64_t length = across_b_ ? block_ : task_columns_;
    const Ex first = b_.let((row - row0_) / tile_rows_ * share_), last = min(first + share_, b_.integer(pieces()));
    x_.loop(first, b_.let(last), 1, [&](Ex piece) {
      IndexEnv env = base_env_;
      spread(env, axes_.columns, Index::scalar(across_b_ ? from + piece : from));
      spread(env, axes_.over, Index::scalar(across_b_ ? term0 : term0 + piece));
      fetch(x_, *stored_b_, env, length);
    });
  }

  // Of a B whose terms lie one after the other: squares of as many columns as steps, turned over in registers.
  void pack_b_across(Ex k0, Ex count) {
    const bool plain = has_plain_columns();
    x_.loop(b_.integer(0), panel_count_, 1, [&](Ex panel) {
      if (plain) return pack_columns(panel, k0, count);
      x_.loop(b_.integer(0), tiles_ ? packed_steps(count) * per_step_ : count, per_step_ * lanes_, [&](Ex term) {
        x_.loop(b_.integer(0), b_.integer(panel_), lanes_, [&](Ex first) {
          std::vector<Ex> square;
          for (std::int64_t c = 0; c < lanes_; ++c) {
            const Ex column = column0_ + panel * panel_ + (first + c);
            IndexEnv env = base_env_;
            spread(env, axes_.columns, Index::scalar(b_.let(whole_columns() ? column : min(column, n_ - 1))));
            const auto row = [&](Ex from) {
              const Ex there = b_.ramp(from, lanes_) < b_.splat(count, lanes_);
              IndexEnv at = whole_vectors() ? env : env.masked(there);
              spread(at, axes_.over, Index::ramp(k0 + from, lanes_, lanes_));
              const Ex value = b_.splat(operand(roles_.b, at), lanes_);
              return whole_steps_ ? value : b_.select(there, value, b_.splat(zero(), lanes_));
            };
            square.push_back(b_.let(pairs_ ? b_.pairs(row(term), row(term + lanes_), true) : row(term)));
          }
          turn_over(b_, square);
          const Ex step = term / per_step_;
          for (std::int64_t i = 0; i < lanes_; ++i)
            b_.store(panels_b_, b_.ramp(panel_at(panel, step + i) + first, lanes_), square[static_cast<std::size_t>(i)]);
        });
      });
    });
  }

  // Is every panel of B made of whole squares, as they are stored?
  bool has_plain_columns() {
    if (pairs_ || !many_terms_ || !whole_columns() || !whole_vectors() || axes_.columns.size() != 1 || axes_.over.size() != 1) return false;
    return operand_in_line(x_, roles_.b, roles_.over, dtype_) && constant_of(column_step()) != nullptr;
  }
  Ex column_step() { return x_.stride(stored_b_->stored, stored_b_->names.at(roles_.columns.back())); }

  // A panel of such a B: a routine.
  void pack_columns(Ex panel, Ex k0, Ex count) {
    IndexEnv env = base_env_;
    spread(env, axes_.columns, Index::scalar(b_.let(column0_ + panel * panel_)));
    const BufferId from = x_.buffer(stored_b_->stored, false);
    const Ex step = column_step();
    b_.routine({first_term_of(x_, *stored_b_, roles_.over, env) + k0, panel_at(panel, b_.integer(0)), count}, [&](const std::vector<Ex>& p) {
      b_.loop(b_.integer(0), p[2], lanes_, [&](Ex term) {
        b_.loop(b_.integer(0), b_.integer(panel_), lanes_, [&](Ex first) {
          std::vector<Ex> square;
          for (std::int64_t c = 0; c < lanes_; ++c)
            square.push_back(b_.let(b_.load(from, b_.ramp(p[0] + ((first + c) * step + term), lanes_))));
          turn_over(b_, square);
          for (std::int64_t i = 0; i < lanes_; ++i)
            b_.store(panels_b_, b_.ramp(p[1] + ((term + i) * panel_ + first), lanes_), square[static_cast<std::size_t>(i)]);
        });
      });
    });
  }

  // Are the terms of all blocks whole vectors of steps, or tiles of them?
  bool whole_vectors() const {
    if (tiles_) return whole_steps_;
    const auto c = terms_.constant();
    return c && *c % (per_step_ * lanes_) == 0;
  }

  // Are all columns of all tasks real ones?
  bool whole_columns() const {
    const auto c = columns_.constant();
    return c && *c % task_columns_ == 0;
  }

  // While a tile's last block is computed, what its epilogue reads and writes comes closer, a panel's worth at a time.
  void prefetch_epilogue(Ex row, Ex column) {
    const auto terms = terms_.constant();
    if (lanes_ == 1 || (terms && *terms < kHidingTerms)) return;
    x_.loop(b_.integer(0), b_.integer(tile_rows_), 1, [&](Ex r) {
      IndexEnv at = base_env_;
      spread(at, axes_.rows, Index::scalar(b_.let(min(row + r, m_ - 1))));
      spread(at, axes_.columns, Index::scalar(column));
      for (const auto& [stored, where] : epilogue_streams(x_, roles_.node, epilogue_envs(x_, roles_.node, at))) {
        const BufferId b = x_.buffer(stored, false);
        const Ex first = b_.let(lanes_of(x_.address(stored, where)));
        const auto line = static_cast<std::int64_t>(64 / size_of(g_.type(stored).dtype));
        for (std::int64_t i = 0; i < panel_; i += line) b_.prefetch(b, first + i);
      }
    });
  }

  // The register tiles of tile_rows_ rows from `row`, over all panels of the task. tile_c_ begins with row `first`. `last`: of
  // several blocks, is this one the last; there is only one where it is empty.
  void tiles(Ex row, Ex group, Ex first, Ex k0, Ex count, Ex last) {
    b_.at(roles_.ordinal);
    std::vector<Ex> starts;
    for (int r = 0; r < tile_rows_; ++r) {
      if (packs_a_) {
        starts.push_back(b_.let((row - group) * (along_rows_ ? tile_pitch_ / tile_rows_ : pitch_a_)));
        break;
      }
      IndexEnv env = base_env_;
      spread(env, axes_.rows, Index::scalar(b_.let(min(row + r, m_ - 1))));
      starts.push_back(b_.let(first_term_of(x_, *direct_a_, roles_.over, env) + k0));
    }
    RegisterTile tile{.rows = tile_rows_, .vectors = tile_vectors_, .lanes = lanes_, .dtype = dtype_, .b = panels_b_, .c = tile_c_,
                      .b_step = panel_, .pairs = pairs_, .whole_turns = turns_divide_, .adds = bool(last)};
    tile.a = packs_a_ ? packed_a_ : x_.buffer(direct_a_->stored, false);
    tile.a_pitch = !packs_a_ ? 0 : along_rows_ ? 1 : pitch_a_;
    tile.pairs_in_line = pairs_ && !packs_a_;
    tile.half_step = !packs_a_ && !whole_steps_;
    tile.shared = many_terms_;
    x_.loop(b_.integer(0), panel_count_, 1, [&](Ex panel) {
      const Ex column = b_.let(column0_ + panel * panel_);
      if (last) x_.branch(last, [&] { prefetch_epilogue(row, column); });
      else prefetch_epilogue(row, column);
      fetch_rows(row, k0, panel);
      if (tiles_) return multiply_tiles(row, first, panel, count, bool(last));
      const std::int64_t a_step = !packs_a_ ? per_step_ : along_rows_ ? tile_rows_ : 1;
      multiply(b_, tile, {starts, b_.integer(a_step), panel_at(panel, b_.integer(0)), (row - first) * task_columns_ + panel * panel_, b_.integer(task_columns_),
                          packs_a_ ? steps(count) : count / per_step_, count});
    });
  }

  // What is packed of a block, in tile registers: four sums, the rows' tiles, the columns'. `several`: onto the blocks before.
  void multiply_tiles(Ex row, Ex first, Ex panel, Ex count, bool several) {
    const int down = tile_rows_ / kTileRows, across = static_cast<int>(panel_) / kTileColumns;
    constexpr int kRows = 4, kColumns = 6;  // the first tile of each
    const auto sums = [&](const auto& act) {
      for (int i = 0; i < down; ++i)
        for (int j = 0; j < across; ++j)
          act(i * across + j, (row - first + i * kTileRows) * task_columns_ + panel * panel_ + j * kTileColumns);
    };
    const Ex pitch = b_.integer(task_columns_);
    sums([&](int tile, Ex at) { several ? b_.tile_load(tile, tile_c_, at, pitch) : b_.tile_zero(tile); });
    x_.loop(b_.integer(0), packed_steps(count), kTileColumns, [&](Ex step) {
      for (int j = 0; j < across; ++j)
        b_.tile_load(kColumns + j, panels_b_, panel_at(panel, step) + j * kTileColumns, b_.integer(panel_));
      for (int i = 0; i < down; ++i) {
        b_.tile_load(kRows + i, packed_a_, step + i * kTileRows * pitch_a_, b_.integer(pitch_a_));
        for (int j = 0; j < across; ++j) b_.tile_dot(i * across + j, kRows + i, kColumns + j);
      }
    });
    sums([&](int tile, Ex at) { b_.tile_store(tile_c_, at, pitch, tile); });
  }

  // Everything after the dot, for the tile's rows from `begin`.
  void epilogue(Ex begin, Ex first) {
    Ex current;
    x_.define({roles_.node, 0}, [&](const IndexEnv&) { return current; });
    const DType stored = g_.node(roles_.node).types[0].dtype;
    const int lanes = epilogue_lanes_;
    x_.loop(begin, min(begin + tile_rows_, row_end_), 1, [&](Ex row) {
      const Ex columns = min(n_ - column0_, b_.integer(task_columns_));
      const auto vector = [&](Ex column, bool masked) {
        IndexEnv at = base_env_;
        spread(at, axes_.rows, Index::scalar(row));
        spread(at, axes_.columns, Index::ramp(column0_ + column, lanes, lanes));
        if (masked) at = at.masked(b_.ramp(column, lanes) < b_.splat(columns, lanes));
        b_.at(roles_.ordinal);
        Ex sum = b_.let(b_.load(tile_c_, b_.ramp((row - first) * task_columns_ + column, lanes)));
        current = x_.rounded(sum, stored);
        const auto envs = epilogue_envs(x_, roles_.node, at);
        for (Value v : cluster_.outputs) x_.store(v, envs.at(v), x_.value(v, envs.at(v)));
      };
      const auto c = columns_.constant();
      if (c && *c % lanes == 0) {
        x_.loop(b_.integer(0), columns, lanes, [&](Ex column) { vector(column, false); });
        return;
      }
      const Ex whole = b_.let(columns / lanes * lanes);
      x_.loop(b_.integer(0), whole, lanes, [&](Ex column) { vector(column, false); });
      x_.branch(whole < columns, [&] { vector(whole, true); });
    });
  }

  const GraphData& g_;
  const Cluster& cluster_;
  const Layouts& layouts_;
  Roles roles_;
  KernelBuilder b_{"contraction"};
  ScheduledKernel out_;
  Inline x_;
  RoleAxes axes_;
  DType dtype_ = DType::f32;
  int lanes_ = 8, epilogue_lanes_ = 8, tile_rows_ = 6, tile_vectors_ = 2;
  Extent rows_, columns_, terms_, batch_;
  std::int64_t task_rows_ = 0, task_columns_ = 0, panel_ = 0, block_ = kBlock, pitch_ = kBlock;
  std::int64_t group_rows_ = 0, tile_pitch_ = 0, pitch_a_ = 0;
  bool packs_a_ = false, along_rows_ = false, across_a_ = false, across_b_ = false, pairs_ = false, tiles_ = false;
  std::int64_t per_step_ = 1;  // terms
  bool many_terms_ = false;  // worth the calls of routines
  bool whole_steps_ = true, turns_divide_ = false;  // for certain; whole tiles of steps, where they are multiplied in tiles
  std::optional<StoredOperand> direct_a_, stored_a_, stored_b_;
  BufferId panels_b_ = 0, tile_c_ = 0, packed_a_ = 0;
  IndexEnv base_env_;
  Ex m_, n_, row0_, row_end_, column0_, panel_count_;
  Ex share_;  // of the pieces that pack_b reads next, a tile's
};

}  // namespace

Schedule schedule_contraction(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  return Contraction(graph, cluster, layouts, target).write();
}

}  // namespace uwaga
