// The user's errors: one sentence, lower case, no full stop, the numbers in it, the user's line in front.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>

#include "tests/catch.h"
#include "tests/count.h"
#include "tests/errors/mistake.h"

namespace uwaga::test {

std::vector<Mistake>& mistakes() {
  static std::vector<Mistake> all;
  return all;
}

namespace {

std::vector<Mistake> sorted() {
  std::vector<Mistake> all = mistakes();
  std::sort(all.begin(), all.end(), [](const Mistake& a, const Mistake& b) { return a.file < b.file; });
  return all;
}

// What the mistake is answered; says so if it is none, or if the answer is no user's error.
std::string answer(const Mistake& m) {
  try {
    m.make();
  } catch (const Error& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("no Error but: ") + e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("every mistake is told in the words pinned for it") {
  for (const Mistake& m : sorted()) {
    INFO(m.file << ": " << m.what);
    CHECK(answer(m) == m.message);
  }
  CHECK(mistakes().size() >= 40);
  count_for_summary(static_cast<long>(mistakes().size()), "mistakes of users with their message pinned");
}

TEST_CASE("messages are one lower-case sentence without a full stop") {
  for (const Mistake& m : sorted()) {
    INFO(m.file << ": " << m.message);
    CHECK(m.message.find('\n') == std::string::npos);
    CHECK(m.message.back() != '.');
    // After "file.cpp:7 in scope: " the sentence begins.
    const std::size_t place = m.message.find(".cpp:");
    const std::size_t start = place == std::string::npos || place > 60 ? 0 : m.message.find(": ", place + 5) + 2;
    CHECK(!std::isupper(static_cast<unsigned char>(m.message[start])));
  }
}

}  // namespace uwaga::test
