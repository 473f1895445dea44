#include "tools/words.h"

#include "tests/catch.h"

TEST_CASE("known words are counted without the last, which may be cut off") {
  using uwaga::known_words;
  CHECK(known_words("the cat zzz the do", "the cat, the dog") == Approx(3.0 / 4));
  CHECK(known_words("the cat.", "the dog") == Approx(1.0 / 2));
  CHECK(known_words("", "the") == 0);
  CHECK(known_words("...", "the") == 0);
}
