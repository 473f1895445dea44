#include <fmt/format.h>
#include <uwaga/runtime/host/progress.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace uwaga {
namespace {

constexpr double kLiveInterval = 0.1;
constexpr int kBars[] = {20, 10};  // the longest that fits
constexpr int kFileColumns = 1000;

double clock_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string bar(double done, int cells) {
  const int full = static_cast<int>(std::clamp(done, 0.0, 1.0) * cells);
  return fmt::format("[{:#<{}}{:-<{}}]  ", "", full, "", cells - full);
}

}  // namespace

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  if (seconds < 9.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole % 86400 / 3600);
}

std::string format_count(double value) {
  constexpr const char* kUnits[] = {"k", "M", "G", "T"};
  if (!(std::abs(value) >= 999.5)) return fmt::format("{:.0f}", value);
  int unit = -1;
  // 999.95 of a unit would be printed as 1000.0.
  while (std::abs(value) >= (unit < 0 ? 999.5 : 999.95) && unit < 3) value /= 1000, ++unit;
  return fmt::format("{:.1f}{}", value, kUnits[unit]);
}

std::string format_progress(const ProgressState& state, int columns) {
  std::string text;
  if (state.steps > 0) {
    const std::string total = std::to_string(state.steps);
    text = fmt::format("{:>{}}/{}", state.step, total.size(), total);
  } else {
    text = fmt::format("step {}", state.step);
  }
  if (state.loss) text += fmt::format("  loss {:.4f}", *state.loss);
  if (state.validation_loss) text += fmt::format("  val {:.4f}", *state.validation_loss);
  if (const double seconds = state.step_seconds > 0 ? state.step_seconds : state.seconds; seconds > 0 && state.tokens > 0)
    text += fmt::format("  {} tok/s", format_count(static_cast<double>(state.tokens) / seconds));
  const std::int64_t done = state.step - state.first_step, left = state.steps - state.step;
  if (state.steps > 0 && left > 0 && done > 0)
    text +=
        fmt::format("  eta {}", format_duration(state.seconds / static_cast<double>(done) * static_cast<double>(left)));
  if (state.steps > 0 && left <= 0) text += fmt::format("  in {}", format_duration(state.seconds));

  const auto room = static_cast<std::size_t>(std::max(columns, 1));
  if (state.steps > 0)
    for (int cells : kBars) {
      const std::string all = bar(static_cast<double>(state.step) / static_cast<double>(state.steps), cells) + text;
      if (all.size() <= room) return all;
    }
  return text.substr(0, room);
}

Progress::Progress(std::ostream& out, ProgressOptions options)
    : out_(out), options_(options), begin_(clock_seconds()) {}

Progress::~Progress() {
  if (!live_) return;
  try {
    out_ << '\n' << std::flush;
  } catch (...) {  // A stream may throw where it was told to; a destructor may not.
  }
}

void Progress::update(ProgressState state) { update(std::move(state), clock_seconds() - begin_); }

void Progress::update(ProgressState state, double now) {
  // The first step reported was already done by this run: what came before is what it resumed from.
  if (!state_) first_step_ = std::max<std::int64_t>(0, state.step - 1);
  state.first_step = first_step_;
  state.seconds = now;
  const bool new_validation = state.validation_loss && state.validation_loss != drawn_validation_;
  const bool last = state.steps > 0 && state.step >= state.steps;
  const double interval = options_.terminal ? kLiveInterval : options_.interval;
  const bool due = !drawn_at_ || now - *drawn_at_ >= interval;
  state_ = state;
  pending_ = true;
  if (due || new_validation || last) draw();
}

void Progress::draw() {
  const std::string text = format_progress(*state_, options_.terminal ? options_.columns - 1 : kFileColumns);
  if (options_.terminal) {
    out_ << '\r' << text << "\x1b[K" << std::flush;  // Back, write, clear the rest of the line.
    live_ = true;
  } else {
    out_ << text << '\n' << std::flush;
  }
  drawn_at_ = state_->seconds;
  drawn_validation_ = state_->validation_loss;
  pending_ = false;
}

void Progress::finish() {
  if (pending_) draw();
  if (live_) out_ << '\n' << std::flush;
  live_ = false;
}

}  // namespace uwaga
