// The main of every test program, for Catch2 2 (Debian 12) and 3.
//
// A test that cannot run here says WARN("skipped: why") and returns. When CTest asks for it (UWAGA_SKIP_CODE), a
// program exits with that code if nothing failed and a case warned of skipping or warned and checked nothing, so that
// the summary counts it as skipped, never as passed.
#include <cstdlib>
#include <string>

#include "tests/catch.h"

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
using Listener = Catch::EventListenerBase;
using Ended = void;
constexpr int kAllSkipped = 4;  // what a run of skipped cases alone ends with
#else
using Listener = Catch::TestEventListenerBase;
using Ended = bool;
constexpr int kAllSkipped = -1;  // Catch2 2 has no SKIP, and 4 is four failures
#endif

namespace {

bool skipped = false;

struct SkipListener : Listener {
  using Listener::Listener;

  void testCaseStarting(const Catch::TestCaseInfo&) override { warned_ = false; }

  Ended assertionEnded(const Catch::AssertionStats& stats) override {
    if (stats.assertionResult.getResultType() == Catch::ResultWas::Warning) {
      warned_ = true;
      skipped |= std::string(stats.assertionResult.getMessage()).find("skip") != std::string::npos;
    }
    return Ended();
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    skipped |= warned_ && stats.totals.assertions.total() == 0;
  }

 private:
  bool warned_ = false;
};

CATCH_REGISTER_LISTENER(SkipListener)

}  // namespace

int main(int argc, char** argv) {
  const int result = Catch::Session().run(argc, argv);
  const char* skip_code = std::getenv("UWAGA_SKIP_CODE");
  if (skip_code && ((skipped && result == 0) || result == kAllSkipped)) return std::atoi(skip_code);
  return result == 0 ? 0 : 1;
}
