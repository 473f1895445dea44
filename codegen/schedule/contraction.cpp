#include <uwaga/codegen/schedule/contraction.h>

#include <algorithm>
#include <numeric>

#include <uwaga/codegen/schedule/elementwise.h>
#include <uwaga/codegen/schedule/internal/contraction.h>
#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/codegen/schedule/register_tile.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {

using namespace kernel;

static_assert(kPatch == kSumLanes && kPatch * kPatch == kSumBlock, "a patch is one block of a sum, a lane a column");

Contraction::Contraction(const Graph& graph, const Patched& whole, const Layouts& layouts, const HostTarget& target, Part part)
    : part_(part), g_(graph.data()), sums_(whole.sums), cluster_(whole.core), layouts_(layouts), roles_(find_roles(g_, cluster_, layouts)),
      x_(b_, graph, cluster_, layouts, out_), axes_(collapse_roles(x_, roles_)) {
  if (part == Part::products) x_.compute_too(whole.of_sums);
  dtype_ = sums_in(g_, roles_);
  lanes_ = lanes_of_sums(target, dtype_);
  pairs_ = lanes_ > 1 && multiplied_in_pairs(g_, roles_, dtype_, target);
  tiles_ = pairs_ && target.amx;
  per_step_ = pairs_ ? 2 : 1;
  const std::int64_t per_turn = tiles_ ? per_step_ * kTileColumns : per_step_;  // terms that are packed together
  const Type& t = g_.node(roles_.node).types[0];
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
  panel_ = static_cast<std::int64_t>(tile_vectors_) * lanes_;
  unit_rows_ = sums_.empty() ? tile_rows_ : std::lcm(tile_rows_, kPatch);
  block_ = most_terms_ = !tiles_ ? kBlock : terms_.constant().value_or(kTileTerms + 1) <= kTileTerms ? kTileTerms : kOpenTileTerms;
  if (const auto c = terms_.constant()) block_ = round_up(std::clamp<std::int64_t>(*c, 1, most_terms_), per_turn);
  whole_steps_ = is_multiple(terms_, per_turn);
  turns_divide_ = is_multiple(terms_, per_step_ * kStepsATurn);
  many_terms_ = lanes_ > 1 && terms_.constant().value_or(kSharedTerms) >= kSharedTerms;
  steps_ahead_ = target.tuning.steps_ahead;
  plan_b();
  if (!tiles_) choose_task(target);
  plan_a();
  if (tiles_) choose_tile_task(target);
  const auto is_stored = [&](const PatchSum& s) { return std::find(cluster_.outputs.begin(), cluster_.outputs.end(), s.of) != cluster_.outputs.end(); };
  sums_along_ = !std::all_of(sums_.begin(), sums_.end(), is_stored);
  if (!sums_.empty()) {
    task_rows_ = round_up(task_rows_, unit_rows_);
    task_columns_ = round_up(task_columns_, std::lcm(panel_, kPatch));
  }
  plan_once(target);
  plan_b_as_it_lies();
  streams_ = large_streams(g_, cluster_, target);
  if (!streams_.empty()) rows_ahead_ = parts(std::max(target.tuning.stream_ahead_bytes, kRowsAheadBytes), task_columns_ * static_cast<std::int64_t>(size_of(dtype_)));
  epilogue_lanes_ = lanes_;
  if (task_columns_ % (2 * lanes_) == 0 && has_long_chains(g_, cluster_.nodes, target)) epilogue_lanes_ *= 2;
}

void Contraction::choose_task(const HostTarget& target) {
  task_rows_ = std::max(target.tuning.task_rows / tile_rows_, std::int64_t{1}) * tile_rows_;
  if (const auto c = rows_.constant()) task_rows_ = std::min(task_rows_, round_up(std::max<std::int64_t>(*c, 1), tile_rows_));
  const auto columns = columns_.constant(), all_rows = rows_.constant();
  const bool narrow = columns && *columns < kNarrow && !(all_rows && *all_rows >= kNarrow);
  std::int64_t most = (narrow ? std::min(kNarrowColumns, target.tuning.task_columns) : target.tuning.task_columns) * (tile_vectors_ == 3 ? 3 : 4) / 4;
  // An A that is packed is packed for every task across: of wider ones, fewer, as long as threads have enough of them.
  const std::int64_t bytes = 2 * most * block_ / per_step_ * static_cast<std::int64_t>(size_of(packed()));
  const std::int64_t across = columns ? parts(*columns, 2 * most) : kWideTasks, down = all_rows ? parts(*all_rows, task_rows_) : 1;
  if (!a_in_line() && bytes <= target.l2_bytes / 2 && across * down >= kWideTasks) most *= 2;
  task_columns_ = std::max(most / panel_, std::int64_t{1}) * panel_;
  if (columns) task_columns_ = std::min(task_columns_, round_up(std::max<std::int64_t>(*columns, 1), panel_));
  divides_terms_ = may_divide_terms(target.threads);
  give_threads_tasks(target.threads);
}

bool Contraction::may_divide_terms(int threads) const {
  const auto rows = rows_.constant(), columns = columns_.constant(), entries = batch_.constant();
  if (threads < 2 || pairs_ || lanes_ == 1 || !sums_.empty() || !rows || !columns || !entries) return false;
  if (terms_.constant().value_or(2 * kBlock) < 2 * kBlock || *rows * *columns * kBlockSumsPart > (*rows + *columns) * kBlock) return false;
  return *entries * parts(*rows, task_rows_) * parts(*columns, task_columns_) < kTasksAThread * threads;
}

// Of fewer columns, as long as a block of A still pays for its way, then of fewer rows; a thread without any takes columns once more.
void Contraction::give_threads_tasks(int threads) {
  const auto rows = rows_.constant(), columns = columns_.constant(), entries = batch_.constant();
  if (threads < 2 || !rows || !columns || !entries) return;
  const std::int64_t blocks = divides_terms_ ? parts(terms_.constant().value_or(kManyTerms), kBlock) : 1;
  const auto tasks = [&] { return *entries * parts(*rows, task_rows_) * parts(*columns, task_columns_) * blocks; };
  const auto halve_columns = [&](std::int64_t least) {
    if (task_columns_ <= std::max(least, panel_)) return false;
    task_columns_ = round_up(task_columns_ / 2, panel_);
    return true;
  };
  const auto halve_rows = [&] {
    if (task_rows_ < 2 * kLeastTaskRows) return false;
    task_rows_ = round_up(task_rows_ / 2, tile_rows_);
    return true;
  };
  while (tasks() > 0 && tasks() < kTasksAThread * threads)
    if (!halve_columns(kNarrowColumns) && !halve_rows() && (tasks() >= threads || !halve_columns(kLeastTaskColumns))) break;
}

ScheduledKernel Contraction::write() {
  b_.at(roles_.ordinal);
  x_.stream_cold();
  m_ = x_.extent(rows_);
  n_ = x_.extent(columns_);
  k_ = x_.extent(terms_);
  const bool packing = part_ == Part::packing;
  if (once_a_) packed_a_ = x_.temporary(packed(), 0, packing);
  if (once_b_) panels_b_ = x_.temporary(packed(), once_a_ ? 1 : 0, packing);
  for (Value v : {roles_.a, roles_.b})
    for (const Dim& d : g_.type(v).dims) base_env_.axes[d.axis] = Index::scalar(b_.integer(0));
  if (packing) write_packing();
  else write_products();
  out_.kernel = b_.finish();
  return std::move(out_);
}

void Contraction::choose_columns(Ex column_block) {
  if (once_b_) first_panel_ = b_.let(column_block * (task_columns_ / panel_));
  column0_ = b_.let(column_block * task_columns_);
  panel_count_ = whole_columns() ? b_.integer(task_columns_ / panel_)
                                 : b_.let((min(n_ - column0_, b_.integer(task_columns_)) + (panel_ - 1)) / panel_);
  whole_panels_ = is_multiple(columns_, panel_) ? panel_count_ : b_.let(min(n_ - column0_, b_.integer(task_columns_)) / panel_);
}

void Contraction::write_products() {
  const Ex m = m_, n = n_, k = k_;
  entry_ = b_.grid(x_.extent(batch_));
  const Ex row_blocks = (m + (task_rows_ - 1)) / task_rows_, column_blocks = (n + (task_columns_ - 1)) / task_columns_;
  // Tasks that follow one another share the operand that is likely the larger one: the other stays in cache.
  const auto r = rows_.constant(), c = columns_.constant();
  const bool rows_first = r && (!c || *r > *c);
  Ex row_block, column_block;
  if (rows_first) row_block = b_.grid(row_blocks);
  column_block = b_.grid(column_blocks);
  if (!rows_first) row_block = b_.grid(row_blocks);
  if (divides_terms_) {
    blocks_.emplace(x_, roles_);
    block_of_task_ = b_.grid(blocks_->count());
  }
  const bool one_block = divides_terms_ || (terms_.constant() && *terms_.constant() <= most_terms_);
  if (!once_b_) panels_b_ = b_.scratch(packed(), b_.integer(task_columns_ * pitch_));
  if ((packs_a_ && !once_a_) || packs_last_)
    packed_a_ = b_.scratch(packed(), b_.integer(along_rows_ ? tile_pitch_ * (group_rows_ / tile_rows_) : group_rows_ * pitch_a_));
  if (sums_along_) totals_ = b_.scratch(DType::f32, b_.integer(static_cast<std::int64_t>(sums_.size()) * task_columns_));
  tile_c_ = b_.scratch(dtype_, b_.integer((one_block ? tile_rows_ : task_rows_ + tile_rows_) * task_columns_));
  spread(base_env_, axes_.batch, Index::scalar(entry_));
  plan_packed();
  // The blocks are of one size, as whole tiles allow: threads get equal shares.
  const Ex blocks_of_rows = b_.let(max((m + (task_rows_ - 1)) / task_rows_, b_.integer(1)));
  const Ex units_of_rows = b_.let((m + (unit_rows_ - 1)) / unit_rows_);
  row0_ = b_.let(min(row_block * units_of_rows / blocks_of_rows * unit_rows_, m));
  row_end_ = b_.let(min((row_block + 1) * units_of_rows / blocks_of_rows * unit_rows_, m));
  choose_columns(column_block);
  plan_c();
  const auto multiply_block = [&](Ex block) {
    b_.at(roles_.ordinal);
    const Ex k0 = b_.let(block * most_terms_);
    const Ex count = b_.let(min(k - k0, b_.integer(most_terms_)));
    if (tiles_ && !terms_.constant()) open_pitch_ = b_.let(packed_steps(count));
    first_step_ = k0 / per_step_;
    if (b_step_ > 0) pack_ragged_b(k0, count);
    else if (!once_b_) in_whole_steps(count, [&] { pack_b(k0, count, b_.integer(0), task_columns_); });
    plan_fetch_b(k0, count);
    // Rows are written as soon as they are there: while the next are computed, they travel to memory.
    const auto rows = [&](Ex row, Ex group) {
      // Of the rows in tile_c_.
      const Ex first = one_block ? row : b_.let(b_.select(k < most_terms_ + 1, row, row0_));
      const Ex at_once = stored_at_once(row), last = one_block ? b_.integer(1, DType::boolean) : k < k0 + (most_terms_ + 1);
      tiles(row, group, first, k0, count, one_block ? Ex() : last, at_once);
      x_.branch(at_once, [] {}, [&] { x_.branch(last, [&] { divides_terms_ ? put_away(row, first) : epilogue(row, first); }); });
      if (!sums_.empty() && !sums_along_) x_.branch(last, [&] { sum_stored(row); });
    };
    if (packs_a_ && !once_a_) {
      x_.loop(row0_, row_end_, group_rows_, [&](Ex group) {
        in_whole_steps(count, [&] { pack_a(group, k0, count); });
        x_.loop(group, min(group + group_rows_, row_end_), tile_rows_, [&](Ex row) { rows(row, group); });
      });
    } else {
      x_.loop(row0_, row_end_, tile_rows_, [&](Ex row) {
        if (packs_last_) x_.branch(whole_tile(row), [] {}, [&] { pack_a(row, k0, count); });
        rows(row, row);
      });
    }
  };
  if (divides_terms_) return multiply_block(block_of_task_);
  const Ex blocks = one_block ? b_.integer(1) : max((k + (most_terms_ - 1)) / most_terms_, b_.integer(1));
  x_.loop(b_.integer(0), blocks, 1, multiply_block);
}

void Contraction::choose_tile(const HostTarget& target) {
  if (tiles_) {  // four sums, two operands of each side
    tile_rows_ = 2 * kTileRows;
    tile_vectors_ = 2 * kTileColumns / lanes_;
    return;
  }
  const bool many = target.registers >= 32, fused = is_float(dtype_) && target.vector_bytes >= 32;
  const auto c = columns_.constant();
  const std::int64_t three = 3 * static_cast<std::int64_t>(lanes_), two = 2 * static_cast<std::int64_t>(lanes_);
  bool wasteful = c && kWorthThree * round_up(*c, three) > (kWorthThree + 1) * round_up(*c, two);
  if (!many) wasteful = !fused || !c || *c % two != 0 || 64 * round_up(*c, three) > 65 * *c;
  tile_vectors_ = wasteful ? 2 : 3;
  tile_rows_ = many ? 8 : 12 / tile_vectors_;
}

bool Contraction::whole_vectors() const {
  if (tiles_) return whole_steps_;
  const auto c = terms_.constant();
  return c && *c % (per_step_ * lanes_) == 0;
}

bool Contraction::whole_columns() const {
  const auto c = columns_.constant();
  return c && *c % task_columns_ == 0;
}

void Contraction::prefetch_epilogue(Ex row, Ex column) {
  const auto terms = terms_.constant();
  if (lanes_ == 1 || divides_terms_ || rows_ahead_ > 0 || (terms && *terms < kHidingTerms)) return;
  x_.loop(b_.integer(0), b_.integer(tile_rows_), 1, [&](Ex r) {
    IndexEnv at = base_env_;
    spread(at, axes_.rows, Index::scalar(b_.let(min(row + r, m_ - 1))));
    spread(at, axes_.columns, Index::scalar(column));
    for (const auto& [stored, where] : epilogue_streams(x_, roles_.node, epilogue_envs(x_, roles_.node, at))) {
      const auto layout = layouts_.find(stored);
      if (layout != layouts_.end() && layout->second.cold && x_.computes(stored.node)) continue;
      const BufferId b = x_.buffer(stored, false);
      const Ex first = b_.let(lanes_of(x_.address(stored, where)));
      const auto line = static_cast<std::int64_t>(64 / size_of(g_.type(stored).dtype));
      for (std::int64_t i = 0; i < panel_; i += line) b_.prefetch(b, first + i);
    }
  });
}

void Contraction::fetch_streams(Ex row, Ex column) {
  if (rows_ahead_ == 0) return;
  IndexEnv at = base_env_;
  spread(at, axes_.rows, Index::scalar(b_.let(min(row + rows_ahead_, m_ - 1))));
  spread(at, axes_.columns, Index::scalar(column0_ + column));
  for (const auto& [stored, where] : epilogue_streams(x_, roles_.node, epilogue_envs(x_, roles_.node, at))) {
    if (std::find(streams_.begin(), streams_.end(), stored) == streams_.end()) continue;
    const Ex first = b_.let(lanes_of(x_.address(stored, where)));
    const auto line = static_cast<std::int64_t>(64 / size_of(g_.type(stored).dtype));
    for (std::int64_t i = 0; i < epilogue_lanes_; i += line) b_.prefetch(x_.buffer(stored, false), first + i);
  }
}

void Contraction::tiles(Ex row, Ex group, Ex first, Ex k0, Ex count, Ex last, Ex at_once) {
  b_.at(roles_.ordinal);
  std::vector<Ex> starts;
  for (int r = 0; r < (tiles_ ? 1 : tile_rows_); ++r) {
    if (packs_a_) {
      starts.push_back(b_.let(packed_rows_at(row, group)));
      break;
    }
    IndexEnv env = base_env_;
    spread(env, axes_.rows, Index::scalar(b_.let(min(row + r, m_ - 1))));
    starts.push_back(b_.let(first_term_of(x_, *direct_a_, roles_.over, env) + k0 * std::max(a_step_, std::int64_t{1})));
    if (a_step_ > 0 && is_multiple(rows_, tile_rows_)) break;
  }
  RegisterTile tile{.rows = tile_rows_, .vectors = tile_vectors_, .lanes = lanes_, .dtype = dtype_, .b = panels_b_, .c = tile_c_,
                    .b_step = panel_, .pairs = pairs_, .whole_turns = turns_divide_};
  tile.a = packs_a_ ? packed_a_ : x_.buffer(direct_a_->stored, false);
  if (packs_a_) tile.a_pitch = along_rows_ ? 1 : pitch_a_;
  else if (a_step_ > 0 && starts.size() == 1) tile.a_pitch = 1;
  tile.pairs_in_line = pairs_ && !packs_a_;
  tile.half_step = !packs_a_ && !whole_steps_;
  tile.shared = many_terms_;
  tile.fetch = fetch_b_;
  x_.loop(b_.integer(0), panel_count_, 1, [&](Ex panel) {
    const Ex column = b_.let(column0_ + panel * panel_);
    if (last) x_.branch(last, [&] { prefetch_epilogue(row, column); });
    else prefetch_epilogue(row, column);
    fetch_rows(row, k0, panel);
    const std::int64_t a_step = a_step_ > 0 ? a_step_ : !packs_a_ ? per_step_ : along_rows_ ? tile_rows_ : 1;
    const Ex begin = panel_at(panel, b_.integer(0)), many = packs_a_ ? steps(count) : count / per_step_;
    const auto add_up = [&](BufferId c, Ex at, Ex pitch) {
      if (tiles_) {
        const auto of = [&](const TileOperand& a) {
          multiply_tiles(b_, a, {panels_b_, begin, b_.integer(panel_)}, {.buffer = c, .begin = at, .pitch = pitch, .before = last ? k0 : Ex()},
                         packed_steps(count), tile_rows_ / kTileRows, static_cast<int>(panel_) / kTileColumns, true);
        };
        const auto in_line = [&] { of({tile.a, starts[0], b_.integer(pitch_in_line_), per_step_}); };
        const auto copied = [&] { of(packed_tiles(row, group)); };
        return packs_a_ ? copied() : packs_last_ ? x_.branch(whole_tile(row), in_line, copied) : in_line();
      }
      tile.c = c;
      TilePlace place{.a = starts, .a_step = b_.integer(a_step), .b = begin, .c = at, .c_pitch = pitch, .steps = many, .terms = count};
      if (fetch_b_.a_turn > 0) {
        place.pieces = next_b_;
        place.piece_pitch = next_b_pitch_;
        place.line = b_.let(((row - row0_) / tile_rows_ * panel_count_ + panel) * lines_a_tile_);
        place.lines_a_step = lines_a_step_;
      }
      if (last) place.before = k0;
      if (b_step_ == 0) return multiply(b_, tile, place);
      x_.branch(row < row0_ + 1 && panel < whole_panels_, [&] { multiply_and_pack(tile, place, column, k0); },
                [&] { multiply(b_, tile, place); });
    };
    x_.branch(at_once,
              [&] {
                IndexEnv at = base_env_;
                spread(at, axes_.rows, Index::scalar(row));
                spread(at, axes_.columns, Index::scalar(column));
                const Value result = cluster_.outputs[0];
                const Index first_sum = x_.address(result, epilogue_envs(x_, roles_.node, at).at(result));
                add_up(x_.buffer(result, true), lanes_of(first_sum), pitch_c_);
              },
              [&] { add_up(tile_c_, (row - first) * task_columns_ + panel * panel_, b_.integer(task_columns_)); });
  });
}

void Contraction::multiply_and_pack(RegisterTile tile, TilePlace place, Ex column, Ex k0) {
  tile.b = x_.buffer(stored_b_->stored, false);
  tile.b_step = b_step_;
  tile.packed = panels_b_;
  tile.packs_ahead = steps_ahead_;
  place.packed = place.b;
  IndexEnv env = base_env_;
  spread(env, axes_.columns, Index::scalar(column));
  place.b = b_.let(first_term_of(x_, *stored_b_, roles_.over, env) + k0 * b_step_);
  multiply(b_, tile, place);
}

void Contraction::plan_c() {
  if (!many_terms_ || divides_terms_ || axes_.rows.size() != 1 || axes_.columns.size() != 1 || cluster_.outputs.size() != 1) return;
  const Value result = cluster_.outputs[0];
  const auto layout = layouts_.find(result);
  if (g_.type(result).dtype != dtype_ || (layout != layouts_.end() && layout->second.cold)) return;
  for (Value v = result; v.node != roles_.node; v = g_.node(v.node).operands[0]) {
    const Op op = g_.node(v.node).op;
    if (op != Op::rename && op != Op::order && op != Op::tag && op != Op::stop_gradient) return;
  }
  const auto step_of = [&](const std::vector<LoopAxis>& axes, Ex first) -> Ex {
    IndexEnv at = base_env_;
    spread(at, axes_.rows, Index::scalar(row0_));
    spread(at, axes_.columns, Index::scalar(column0_));
    spread(at, axes, Index::ramp(first, lanes_, lanes_));
    return x_.address(result, epilogue_envs(x_, roles_.node, at).at(result)).stride;
  };
  const Ex across = step_of(axes_.columns, column0_);
  const std::int64_t* step = across ? constant_of(across) : nullptr;
  if (step && *step == 1) pitch_c_ = step_of(axes_.rows, row0_);
}

kernel::Ex Contraction::stored_at_once(Ex row) {
  if (!pitch_c_) return b_.integer(0, DType::boolean);
  Ex whole = b_.integer(1, DType::boolean);
  if (!is_multiple(rows_, tile_rows_)) whole = row + tile_rows_ < row_end_ + 1;
  if (!whole_columns()) whole = whole && column0_ + panel_count_ * panel_ < n_ + 1;
  return whole;
}

void Contraction::epilogue(Ex begin, Ex first) {
  const int lanes = epilogue_lanes_;
  x_.loop(begin, min(begin + tile_rows_, row_end_), 1, [&](Ex row) {
    const Ex columns = min(n_ - column0_, b_.integer(task_columns_)), of_patch = sums_along_ ? b_.let(row % kPatch) : Ex();
    if (of_patch) x_.branch(of_patch < 1, [&] { begin_patches(); });
    const auto vector = [&](Ex column, bool masked) {
      IndexEnv at = base_env_;
      spread(at, axes_.rows, Index::scalar(row));
      spread(at, axes_.columns, Index::ramp(column0_ + column, lanes, lanes));
      if (masked) at = at.masked(b_.ramp(column, lanes) < b_.splat(columns, lanes));
      b_.at(roles_.ordinal);
      fetch_streams(row, column);
      const auto envs = finish_dot(x_, roles_.node, at, b_.let(b_.load(tile_c_, b_.ramp((row - first) * task_columns_ + column, lanes))));
      if (sums_along_) add_to_patches(column, at, envs);
    };
    if (is_multiple(columns_, lanes)) {
      x_.loop(b_.integer(0), columns, lanes, [&](Ex column) { vector(column, false); });
    } else {
      const Ex whole = b_.let(columns / lanes * lanes);
      x_.loop(b_.integer(0), whole, lanes, [&](Ex column) { vector(column, false); });
      x_.branch(whole < columns, [&] { vector(whole, true); });
    }
    if (of_patch) x_.branch(b_.integer(kPatch - 2) < of_patch, [&] { end_patches(row); });
  });
}

void Contraction::put_away(Ex begin, Ex first) {
  const BufferId to = x_.temporary(dtype_, 0, true);
  const Ex columns = min(n_ - column0_, b_.integer(task_columns_));
  x_.loop(begin, min(begin + tile_rows_, row_end_), 1, [&](Ex row) {
    const Ex place = b_.let(blocks_->place(block_of_task_, entry_, row, column0_)), from = b_.let((row - first) * task_columns_);
    x_.loop(b_.integer(0), columns, lanes_, [&](Ex column) {
      const Ex mask = is_multiple(columns_, lanes_) ? Ex() : b_.ramp(column, lanes_) < b_.splat(columns, lanes_);
      b_.store(to, b_.ramp(place + column, lanes_), b_.load(tile_c_, b_.ramp(from + column, lanes_)), mask);
    });
  });
}

void Contraction::add_to_patches(Ex column, const IndexEnv& at, const std::map<Value, IndexEnv>& envs) {
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const Ex term = x_.value(sums_[i].element, envs.at(sums_[i].of)), place = b_.ramp(total_of(i, column), term.type().lanes);
    x_.at(sums_[i].sum);
    b_.store(totals_, place, b_.load(totals_, place) + term, at.mask);
  }
}

void Contraction::each_total(const std::function<void(std::size_t, Ex)>& body) {
  for (std::size_t i = 0; i < sums_.size(); ++i)
    x_.loop(b_.integer(0), min(n_ - column0_, b_.integer(task_columns_)), kPatch, [&](Ex column) { body(i, column); });
}

void Contraction::begin_patches() {
  each_total([&](std::size_t i, Ex column) {
    for (std::int64_t lane = 0; lane < kPatch; lane += lanes_) b_.store(totals_, b_.ramp(total_of(i, column + lane), lanes_), b_.splat(b_.real(0), lanes_));
  });
}

void Contraction::end_patches(Ex row) {
  each_total([&](std::size_t i, Ex column) {
    const IndexEnv at = in_patch(sums_[i], row, b_.let(column0_ + column));
    x_.at(sums_[i].sum);
    std::vector<Ex> lanes;
    for (std::int64_t lane = 0; lane < kPatch; lane += lanes_) lanes.push_back(b_.let(b_.load(totals_, b_.ramp(total_of(i, column + lane), lanes_))));
    store_patch(sums_[i], at, std::move(lanes));
  });
}

void Contraction::sum_stored(Ex row) {
  const Ex end = b_.let(min(row + tile_rows_, row_end_)), done = b_.let(end - row0_), all = b_.let(row_end_ < end + 1);
  x_.branch(done % unit_rows_ < 1 || all, [&] {
    const Ex unit = b_.let((done - 1) / unit_rows_ * unit_rows_);
    x_.loop(b_.let(row0_ + max(unit - unit_rows_, b_.integer(0))), b_.let(b_.select(all, end, row0_ + unit)), kPatch, [&](Ex first) {
      x_.loop(b_.integer(0), min(n_ - column0_, b_.integer(task_columns_)), kPatch, [&](Ex column) {
        for (const PatchSum& sum : sums_) sum_patch(sum, first, b_.let(column0_ + column));
      });
    });
  });
}

void Contraction::sum_patch(const PatchSum& sum, Ex row, Ex column) {
  const IndexEnv at = in_patch(sum, row, column);
  const Ex first = at.at(sum.sides[0].axis).base, across = at.at(sum.sides[1].axis).base;
  x_.define(sum.of, [&](const IndexEnv& env) { return x_.load(sum.of, env); });
  x_.at(sum.sum);
  std::vector<Ex> lanes;
  for (std::int64_t lane = 0; lane < kPatch; lane += lanes_) lanes.push_back(b_.variable(b_.splat(b_.real(0), lanes_)));
  x_.loop(b_.integer(0), b_.integer(kPatch), 1, [&](Ex i) {
    for (std::size_t u = 0; u < lanes.size(); ++u) {
      const Ex lane = across + static_cast<std::int64_t>(u) * lanes_;
      const IndexEnv entry = at.with(sum.sides[0].axis, Index::scalar(first + i)).with(sum.sides[1].axis, Index::ramp(lane, lanes_, lanes_));
      const Ex term = x_.value(sum.element, entry);
      x_.at(sum.sum);
      b_.assign(lanes[u], lanes[u] + term);
    }
  });
  store_patch(sum, at, std::move(lanes));
}

IndexEnv Contraction::in_patch(const PatchSum& sum, Ex row, Ex column) {
  // Axis by axis, none of them joined: the sum lies otherwise.
  IndexEnv of_dot = base_env_;
  spread_flat(x_, of_dot, roles_.batch, g_.type(roles_.a), Index::scalar(entry_));
  spread_flat(x_, of_dot, roles_.rows, g_.type(roles_.a), Index::scalar(row));
  spread_flat(x_, of_dot, roles_.columns, g_.type(roles_.b), Index::scalar(column));
  IndexEnv at = epilogue_envs(x_, roles_.node, of_dot).at(sum.of);
  for (const PatchSum::Side& side : sum.sides) {
    const Ex index = b_.let(at.at(side.axis).base);
    at.axes[side.axis] = Index::scalar(index);
    if (!side.block.empty()) at.axes[side.block] = Index::scalar(b_.let(index / kPatch));
  }
  return at;
}

void Contraction::store_patch(const PatchSum& sum, const IndexEnv& at, std::vector<Ex> lanes) {
  define_results(x_, {reduction_of(b_, g_, sum.sum)}, {join_lanes(b_, Op::add, std::move(lanes))});
  x_.store({sum.sum, 0}, at, x_.value({sum.sum, 0}, at));
}

}  // namespace uwaga::schedule

namespace uwaga {

bool takes_patch_sums(const Graph& graph, const Patched& whole, const Layouts& layouts, const HostTarget& target) {
  const schedule::Roles roles = schedule::find_roles(graph.data(), whole.core, layouts);
  if (roles.rows.empty() || roles.columns.empty() || schedule::lanes_of_sums(target, DType::f32) < 2) return false;
  return std::all_of(whole.sums.begin(), whole.sums.end(), [&](const PatchSum& s) {
    return s.sides[0].axis == roles.rows.back() && s.sides[1].axis == roles.columns.back();
  });
}

Schedule schedule_contraction(const Graph& graph, const Patched& whole, const Layouts& layouts, const HostTarget& target) {
  using schedule::Part;
  const auto part = [&](Part which) { return schedule::Contraction(graph, whole, layouts, target, which); };
  schedule::Contraction products = part(Part::products);
  if (products.divides_terms()) return schedule::in_blocks(graph, whole.core, layouts, target, products.write());
  Schedule s;
  s.temporaries = products.temporaries();
  if (products.packs_once()) s.kernels.push_back(part(Part::packing).write());
  s.kernels.push_back(products.write());
  return s;
}

}  // namespace uwaga
