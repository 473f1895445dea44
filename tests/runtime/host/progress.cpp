#include <uwaga/runtime/host/progress.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("durations and counts are short and never wrong by a carry") {
  CHECK(format_duration(0) == "0.0s");
  CHECK(format_duration(9.94) == "9.9s");
  CHECK(format_duration(9.96) == "10s");
  CHECK(format_duration(59.6) == "1m00s");
  CHECK(format_duration(185) == "3m05s");
  CHECK(format_duration(3599.9) == "1h00m");
  CHECK(format_duration(7620) == "2h07m");
  CHECK(format_duration(86400 * 3 + 3600 * 4) == "3d04h");
  CHECK(format_duration(-1) == "?");
  CHECK(format_duration(NAN) == "?");
  CHECK(format_duration(INFINITY) == "?");
  CHECK(format_count(950) == "950");
  CHECK(format_count(999.6) == "1.0k");
  CHECK(format_count(12345) == "12.3k");
  CHECK(format_count(999'960) == "1.0M");
  CHECK(format_count(3.4e9) == "3.4G");
  CHECK(format_count(1e18) == "1000000.0T");
}

TEST_CASE("the progress line tells where the run is and fits its width") {
  const ProgressState state{
      .step = 400, .steps = 1000, .loss = 2.34172, .validation_loss = 2.412, .tokens = 1'230'000, .seconds = 100};
  CHECK(format_progress(state, 100) ==
        "[########------------]   400/1000  loss 2.3417  val 2.4120  12.3k tok/s  eta 2m30s");
  CHECK(format_progress(state, 79) == "[####------]   400/1000  loss 2.3417  val 2.4120  12.3k tok/s  eta 2m30s");
  CHECK(format_progress(state, 70) == " 400/1000  loss 2.3417  val 2.4120  12.3k tok/s  eta 2m30s");
  ProgressState evaluated = state;  // half of the time went into evaluations: nothing that the rate of the steps tells
  evaluated.step_seconds = state.seconds / 2;
  CHECK(format_progress(evaluated, 70) == " 400/1000  loss 2.3417  val 2.4120  24.6k tok/s  eta 2m30s");
  CHECK(format_progress(state, 9) == " 400/1000");
  CHECK(format_progress(state, 0).size() == 1);
  CHECK(format_progress({.step = 7, .loss = std::numeric_limits<double>::quiet_NaN()}, 80) == "step 7  loss nan");
  CHECK(format_progress({.step = 10, .steps = 10, .seconds = 3}, 80) == "[####################]  10/10  in 3.0s");
  // A resumed run knows the speed of its own steps only.
  CHECK(format_progress({.step = 600, .steps = 1000, .seconds = 50, .first_step = 500}, 80) ==
        "[############--------]   600/1000  eta 3m20s");
}

TEST_CASE("a file gets whole lines at intervals, on news and at the end") {
  std::ostringstream out;
  Progress progress(out, {.interval = 10});
  for (int i = 1; i <= 30; ++i) {
    ProgressState state{.step = i, .steps = 30, .loss = 1.0};
    if (i >= 15) state.validation_loss = 2.0;
    progress.update(state, i);
  }
  progress.finish();
  const std::string text = out.str();
  CHECK(text.find('\r') == text.npos);
  CHECK(text.find('\x1b') == text.npos);
  std::vector<std::string> steps;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) steps.push_back(line.substr(24, 5));
  CHECK(steps == std::vector<std::string>{" 1/30", "11/30", "15/30", "25/30", "30/30"});
}

TEST_CASE("every line of a file has its bar, however long it is") {
  std::ostringstream out;
  Progress progress(out, {.interval = 10});
  for (int i : {1000, 1999}) progress.update({.step = i, .steps = 2000, .loss = 100, .validation_loss = 200, .tokens = 999'900'000'000'000, .seconds = 0}, 11'111.0 * i);
  progress.finish();
  std::istringstream lines(out.str());
  int bars = 0;
  for (std::string line; std::getline(lines, line); ++bars) {
    CHECK(line.size() > 80);
    CHECK(line.starts_with("[##########"));
  }
  CHECK(bars == 2);
}

TEST_CASE("a terminal gets one line, rewritten, not too often") {
  std::ostringstream out;
  {
    Progress progress(out, {.terminal = true, .columns = 60});
    for (int i = 0; i <= 100; ++i) progress.update({.step = i}, i / 32.0);
  }
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\r') == 26);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(text.back() == '\n');
}

TEST_CASE("finish writes the state that was held back") {
  std::ostringstream out;
  Progress progress(out);
  progress.update({.step = 1}, 0);
  progress.update({.step = 2}, 1);
  CHECK(out.str() == "step 1\n");
  progress.finish();
  progress.finish();
  CHECK(out.str() == "step 1\nstep 2\n");
}
