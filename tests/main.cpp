// The main of every test program, for Catch2 2 (Debian 12) and 3.
//
// A test that cannot run here says WARN("skipped: why") and returns. When CTest asks for it (UWAGA_SKIP_CODE), a
// program that only skipped exits with that code, so that the summary counts it as skipped, never as passed.
#include "tests/catch.h"

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#endif

#include <cstdlib>
#include <string>

namespace {

bool skipped = false;

#if __has_include(<catch2/catch_all.hpp>)
struct SkipListener : Catch::EventListenerBase {
  using EventListenerBase::EventListenerBase;
  void assertionEnded(const Catch::AssertionStats& stats) override { note(stats.assertionResult); }
  void testRunEnded(const Catch::TestRunStats& stats) override { skipped |= stats.totals.testCases.skipped > 0; }
#else
struct SkipListener : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  bool assertionEnded(const Catch::AssertionStats& stats) override {
    note(stats.assertionResult);
    return false;
  }
#endif
  static void note(const Catch::AssertionResult& result) {
    const std::string text(result.getMessage());
    skipped |= result.getResultType() == Catch::ResultWas::Warning && text.find("skip") != std::string::npos;
  }
};

CATCH_REGISTER_LISTENER(SkipListener)

}  // namespace

int main(int argc, char** argv) {
  const int result = Catch::Session().run(argc, argv);
  const char* skip_code = std::getenv("UWAGA_SKIP_CODE");
  if (skipped && skip_code && (result == 0 || result == 4)) return std::atoi(skip_code);  // 4: all skipped, Catch2 3
  return result == 0 ? 0 : 1;
}
