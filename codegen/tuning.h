// What schedules for the host choose by a processor's model: a checked-in table, with a default for models that are not in it.
//
//   target.tuning = tuning_of("znver5");                       // LLVM's name of the processor
//   target.tuning = changed(target.tuning, "task_rows=192");   // UWAGA_TUNING
//
// It decides speed and never bits: no sum's order depends on it. `uwaga tune` measures it and proposes rows for the table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace uwaga {

struct Tuning {
  // Rows and columns of a product that one task computes, at most. They bound its scratch and set how often operands are packed again:
  // an element of B serves all rows of the task, one of A all its columns.
  std::int64_t task_rows = 384, task_columns = 128;
  // Results of a product, at least, whose operands a kernel of their own packs once for all tasks: it pays where a second launch is
  // little beside the first.
  std::int64_t once_results = 1 << 20;
  // Steps by which what is packed is fetched ahead: its pieces lie too far apart for a processor to guess the next.
  std::int64_t steps_ahead = 16;
  // Bytes of a row of a weight that a task reads, at least, where there are few rows to multiply it with; twice as many at most.
  std::int64_t few_rows_bytes = 1536;
  // Bytes of such a row, at most, that tasks read whole: then they divide the weight's rows, by blocks of 512, and not its columns. Twice
  // as many where one row of f32 meets bf16. A processor that fetches ahead of a piece of a row fetches past its end what another task
  // reads, but of 768 rows one of two tasks has 512.
  std::int64_t whole_row_bytes = 0;
  // Rows by which they are fetched ahead where a task walks down columns.
  std::int64_t rows_ahead = 16;
  // Bytes by which a loop over elements fetches what it reads ahead, where that comes from several places at once, as an optimiser's
  // numbers do: 0 leaves it to the processor, and the rows of a weight, too, that few rows are multiplied with. (One that fetches ahead
  // begins anew with each page.)
  std::int64_t stream_ahead_bytes = 0;

  friend bool operator==(const Tuning&, const Tuning&) = default;
};

// One number of it: its name, what it may be, and what `uwaga tune` tries.
struct TuningField {
  std::string_view name;
  std::int64_t Tuning::*value;
  std::int64_t least, most;
  std::span<const std::int64_t> candidates;
};
std::span<const TuningField> tuning_fields();

bool has_tuning(std::string_view cpu);
Tuning tuning_of(std::string_view cpu);

// "task_rows=192,rows_ahead=8": these numbers, the others as they were. Error: a sentence that lists the names, or the range.
Tuning changed(Tuning tuning, std::string_view text);
// The other way: what differs from the default, empty where nothing does.
std::string differences(const Tuning& tuning);

}  // namespace uwaga
