// Contractions in tile registers.
#include <uwaga/codegen/schedule/internal/contraction.h>

namespace uwaga::schedule {

using namespace kernel;

bool Contraction::has_tiles_in_line() {
  if (!whole_steps_ || axes_.rows.size() != 1 || axes_.over.size() != 1) return false;
  const auto a = a_in_line();
  if (!a) return false;
  const std::int64_t* pitch = constant_of(x_.stride(a->stored, a->names.at(axes_.rows[0].axes.back())));
  pitch_in_line_ = pitch ? *pitch : 0;
  return pitch != nullptr;
}

void Contraction::choose_tile_task(const HostTarget& target) {
  // What it costs to have an operand once more, an element: read in place, copied, turned over.
  constexpr std::int64_t kInPlace = 1, kCopied = 2, kTurned = 8;
  const bool turned = across_a_ && !may_pack_once(rows_);
  const std::int64_t again_a = direct_a_ || (across_a_ && !turned) ? kInPlace : a_in_line() ? kCopied : kTurned;
  const std::int64_t again_b = across_b_ ? kTurned : kCopied;
  const bool several = terms_.constant().value_or(0) > most_terms_;
  const std::int64_t bytes = turned ? target.l2_bytes * 3 / 4 : several ? kTileBytes * 2 / 3 : kTileBytes, most_rows = several ? kOpenTileTaskRows : kTileTaskRows;
  const std::int64_t most_columns = std::max(bytes / (per_step_ * block_) / panel_, std::int64_t{1}) * panel_;
  // Of sizes that are not known as many as one task has.
  const std::int64_t rows = std::max<std::int64_t>(rows_.constant().value_or(target.tuning.task_rows), 1);
  const std::int64_t columns = std::max<std::int64_t>(columns_.constant().value_or(most_columns), 1);
  std::int64_t down = parts(rows, most_rows), across = parts(columns, most_columns);
  while (down * across < kTasksAThread * target.threads) {
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

void Contraction::in_whole_steps(Ex count, const std::function<void()>& pack) {
  if (!tiles_ || whole_steps_) return pack();
  x_.branch(count % (per_step_ * kTileColumns) < 1,
            [&] {
              whole_steps_ = true;
              pack();
              whole_steps_ = false;
            },
            pack);
}

void Contraction::pack_a_across(Ex group, Ex k0, Ex count) {
  const Ex to = b_.let(packed_rows_at(group, group));
  x_.loop(b_.integer(0), packed_steps(count), kTileColumns, [&](Ex word) {
    for (std::int64_t i = 0; i < kTileColumns; ++i) fetch_ahead(stored_a_, axes_.rows, group, tile_rows_, k0, word + i);
    x_.loop(b_.integer(0), b_.integer(tile_rows_), lanes_, [&](Ex first) {
      IndexEnv at = base_env_;
      if (!is_multiple(rows_, tile_rows_)) at = at.masked(b_.ramp(group + first, lanes_) < b_.splat(m_, lanes_));
      spread(at, axes_.rows, Index::ramp(group + first, lanes_));
      const Ex tile = b_.let(to + (word * tile_rows_ + first * kTileColumns));
      for (std::int64_t part = 0; part < kTileColumns; part += lanes_)
        turn_over(b_, lanes_, [&](std::int64_t i) { return filled_step_of(roles_.a, at, k0, word + (part + i), count); },
                  [&](std::int64_t i, Ex values) { b_.store(packed_a_, b_.ramp(tile + (i * kTileColumns + part), lanes_), values); });
    });
  });
}

Ex Contraction::packed_steps(Ex count) {
  return tiles_ && !whole_steps_ ? (steps(count) + (kTileColumns - 1)) / kTileColumns * kTileColumns : steps(count);
}

}  // namespace uwaga::schedule
