// Progress of a training run: one live line on a terminal, plain lines at intervals elsewhere.
//
//   Progress progress(std::cerr, {.terminal = isatty(2) != 0, .columns = 100});
//   progress.update({.step = i, .steps = 1000, .loss = loss, .tokens = i * 8192});     // after every step
//   progress.finish();
//
//   [########------------]  400/1000  loss 2.3417  val 2.4120  12.3k tok/s  eta 1m32s
//
// The line is rewritten at most ten times a second. Elsewhere (a file, a pipe) a whole line is written for the
// first step, then at most every `interval` seconds, for every new validation loss, and for the last step.
// The two functions below are the whole formatting, without clock or stream.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace uwaga {

struct ProgressState {
  std::int64_t step = 0;   // Steps done in the whole run, those before a resume included.
  std::int64_t steps = 0;  // Of the whole run; 0 where nobody knows: no bar, no time left.
  std::optional<double> loss = {};
  std::optional<double> validation_loss = {};
  std::int64_t tokens = 0;      // Seen since the Progress was made.
  double step_seconds = 0;      // That steps took, without evaluations; 0: all of `seconds`.
  double seconds = 0;           // Since the Progress was made; `update` fills it in.
  std::int64_t first_step = 0;  // Where a resumed run began; `update` fills it in.
};

// The line, at most `columns` wide: the bar is shorter where there is no room, then goes, then the line is cut.
std::string format_progress(const ProgressState& state, int columns);

// "0.4s" "12s" "3m05s" "2h07m" "3d04h"; "?" for what is negative or not finite.
std::string format_duration(double seconds);

// "950" "12.3k" "1.2M" "3.4G".
std::string format_count(double value);

struct ProgressOptions {
  bool terminal = false;
  int columns = 80;      // Of the terminal.
  double interval = 10;  // Seconds between plain lines.
};

class Progress {
 public:
  explicit Progress(std::ostream& out, ProgressOptions options = {});
  ~Progress();  // Ends a live line that `finish` did not.
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `state.seconds` and `state.first_step` are set here.
  void update(ProgressState state);
  // The same at a given time, in seconds since the beginning, for tests.
  void update(ProgressState state, double now);

  // Writes the last state once more, for good.
  void finish();

 private:
  void draw();

  std::ostream& out_;
  ProgressOptions options_;
  double begin_;  // Of the clock.
  std::optional<ProgressState> state_;
  std::int64_t first_step_ = 0;
  std::optional<double> drawn_at_;          // When the last line was written.
  std::optional<double> drawn_validation_;  // The validation loss on it.
  bool pending_ = false;                    // The newest state is not on the screen.
  bool live_ = false;                       // The cursor is in a line of ours.
};

}  // namespace uwaga
