// Contractions in tile registers.
#include <uwaga/codegen/schedule/internal/contraction.h>

namespace uwaga::schedule {

using namespace kernel;

bool Contraction::has_tiles_in_line() {
  if (!is_multiple(rows_, tile_rows_) || !whole_steps_ || axes_.rows.size() != 1 || axes_.over.size() != 1) return false;
  const auto a = a_in_line();
  if (!a) return false;
  const std::int64_t* pitch = constant_of(x_.stride(a->stored, a->names.at(axes_.rows[0].axes.back())));
  pitch_a_ = pitch ? *pitch : 0;
  return pitch != nullptr;
}

void Contraction::choose_tile_task(const HostTarget& target) {
  // What it costs to have an operand once more, an element: read in place, copied, turned over.
  constexpr std::int64_t kInPlace = 1, kCopied = 2, kTurned = 8;
  const std::int64_t again_a = has_tiles_in_line() ? kInPlace : a_in_line() ? kCopied : kTurned;
  const std::int64_t again_b = across_b_ ? kTurned : kCopied;
  const std::int64_t most_columns = std::max(kTileBytes / (per_step_ * block_) / panel_, std::int64_t{1}) * panel_;
  const bool several = terms_.constant().value_or(0) > most_terms_;
  const std::int64_t most_rows = (several ? target.tuning.task_rows : kTileTaskRows) / tile_rows_ * tile_rows_;
  // Of sizes that are not known as many as one task has.
  const std::int64_t rows = std::max<std::int64_t>(rows_.constant().value_or(target.tuning.task_rows), 1);
  const std::int64_t columns = std::max<std::int64_t>(columns_.constant().value_or(most_columns), 1);
  std::int64_t down = parts(rows, most_rows), across = parts(columns, most_columns);
  while (down * across < std::max<std::int64_t>(kTileTasks, target.threads)) {
    const bool more_rows = rows_.is_constant() && rows > 2 * tile_rows_ * down;
    const bool more_columns = columns_.is_constant() && columns > 2 * panel_ * across;
    if (more_columns && (!more_rows || rows * again_a <= columns * again_b)) ++across;
    else if (more_rows) ++down;
    else break;
  }
  task_rows_ = rows_.is_constant() ? round_up(parts(rows, down), tile_rows_) : most_rows;
  task_columns_ = columns_.is_constant() ? round_up(parts(columns, across), panel_) : most_columns / 2 / panel_ * panel_;
}

Ex Contraction::filled_step_of(Value v, const IndexEnv& env, Ex k0, Ex step, Ex count, bool whole) {
  if (!tiles_ || whole_steps_) return step_of(v, env, k0, step, count, whole);
  const Ex there = b_.let(step < steps(count)), last = b_.let(min(step, steps(count) - 1));
  return b_.select(b_.splat(there, lanes_), step_of(v, env, k0, last, count), b_.splat(b_.integer(0, packed()), lanes_));
}

void Contraction::pack_a_across(Ex group, Ex k0, Ex count) {
  x_.loop(b_.integer(0), b_.integer(tile_rows_), lanes_, [&](Ex first) {
    IndexEnv at = base_env_.masked(b_.ramp(group + first, lanes_) < b_.splat(m_, lanes_));
    spread(at, axes_.rows, Index::ramp(group + first, lanes_));
    x_.loop(b_.integer(0), packed_steps(count), lanes_, [&](Ex from) {
      turn_over(b_, lanes_, [&](std::int64_t i) { return filled_step_of(roles_.a, at, k0, from + i, count); },
                [&](std::int64_t i, Ex values) { b_.store(packed_a_, b_.ramp((first + i) * pitch_a_ + from, lanes_), values); });
    });
  });
}

Ex Contraction::packed_steps(Ex count) {
  return tiles_ && !whole_steps_ ? (steps(count) + (kTileColumns - 1)) / kTileColumns * kTileColumns : steps(count);
}

void Contraction::plan_fetch_beside(Ex k0, Ex count) {
  if (!stored_b_) return;
  b_.at(roles_.ordinal);
  const Ex past = k0 + most_terms_, more = past < x_.extent(terms_);
  ahead_term_ = b_.let(b_.select(more, past, b_.integer(0)));
  ahead_column_ = b_.let(b_.select(more, column0_, column0_ + task_columns_));
  // In lines: of each column its terms, or of each term its columns.
  ahead_lines_ = b_.let(across_b_ ? b_.integer(task_columns_ * lines_of_piece()) : count * lines_of_piece());
  ahead_steps_ = b_.let((packed_steps(count) + (kTileColumns - 1)) / kTileColumns);
  const Ex tiles = (row_end_ - row0_ + (tile_rows_ - 1)) / tile_rows_ * panel_count_;
  const Ex all = b_.let(max(tiles * ahead_steps_, b_.integer(1)));
  ahead_each_ = b_.let((ahead_lines_ + (all - 1)) / all);
}

void Contraction::fetch_beside(Ex row, Ex panel, Ex step) {
  if (!stored_b_) return;
  const std::int64_t lines = lines_of_piece();
  const auto line = static_cast<std::int64_t>(64 / size_of(g_.type(stored_b_->stored).dtype));
  const Ex tile = (row - row0_) / tile_rows_ * panel_count_ + panel;
  const Ex first = b_.let((tile * ahead_steps_ + step / kTileColumns) * ahead_each_);
  x_.loop(first, b_.let(min(first + ahead_each_, ahead_lines_)), 1, [&](Ex i) {
    const Ex piece = b_.let(i / lines);
    IndexEnv env = base_env_;
    spread(env, axes_.columns, Index::scalar(across_b_ ? ahead_column_ + piece : ahead_column_));
    spread(env, axes_.over, Index::scalar(across_b_ ? ahead_term_ : ahead_term_ + piece));
    b_.prefetch(x_.buffer(stored_b_->stored, false), element_of(x_, *stored_b_, env) + (i - piece * lines) * line);
  });
}

std::int64_t Contraction::lines_of_piece() const {
  const auto line = static_cast<std::int64_t>(64 / size_of(g_.type(stored_b_->stored).dtype));
  return ((across_b_ ? block_ : task_columns_) + (line - 1)) / line;
}

void Contraction::multiply_tiles(Ex start, Ex row, Ex first, Ex panel, Ex k0, Ex count, bool several) {
  const int down = tile_rows_ / kTileRows, across = static_cast<int>(panel_) / kTileColumns;
  constexpr int kRows = 4, kColumns = 6;  // the first tile of each
  const BufferId a = packs_a_ ? packed_a_ : x_.buffer(direct_a_->stored, false);
  const std::int64_t step_a = packs_a_ ? 1 : per_step_;  // elements
  const auto sums = [&](const auto& act) {
    for (int i = 0; i < down; ++i)
      for (int j = 0; j < across; ++j)
        act(i * across + j, (row - first + i * kTileRows) * task_columns_ + panel * panel_ + j * kTileColumns);
  };
  const Ex pitch = b_.integer(task_columns_);
  const auto from_zero = [&] { sums([&](int tile, Ex) { b_.tile_zero(tile); }); };
  if (several) x_.branch(k0 < 1, from_zero, [&] { sums([&](int tile, Ex at) { b_.tile_load(tile, tile_c_, at, pitch); }); });
  else from_zero();
  x_.loop(b_.integer(0), packed_steps(count), kTileColumns, [&](Ex step) {
    for (int j = 0; j < across; ++j)
      b_.tile_load(kColumns + j, panels_b_, panel_at(panel, step) + j * kTileColumns, b_.integer(panel_));
    for (int i = 0; i < down; ++i) {
      b_.tile_load(kRows + i, a, start + step * step_a + i * kTileRows * pitch_a_, b_.integer(pitch_a_));
      for (int j = 0; j < across; ++j) b_.tile_dot(i * across + j, kRows + i, kColumns + j);
    }
    fetch_beside(row, panel, step);
  });
  sums([&](int tile, Ex at) { b_.tile_store(tile_c_, at, pitch, tile); });
}

}  // namespace uwaga::schedule
