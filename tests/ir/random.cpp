#include <uwaga/ir/random.h>

#include <vector>

#include "tests/catch.h"

using namespace uwaga;

namespace {
using Words = std::array<std::uint32_t, 4>;
}

// The known answers published with the generator (Random123, kat_vectors: philox4x32 10).
TEST_CASE("Philox4x32-10 gives the published words") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

// FNV-1a of "" and "a" and "foobar" are published; the keys are ours and pinned so that no seed ever changes its meaning.
TEST_CASE("keys and words are pinned") {
  CHECK(path_hash("") == 0xcbf29ce484222325u);
  CHECK(path_hash("a") == 0xaf63dc4c8601ec8cu);
  CHECK(path_hash("foobar") == 0x85944171f73967e8u);
  CHECK(random_key("h.0.attn.drop", 1) == 0x5e49005d5ec781dfu);
  CHECK(random_key("h.0.attn.drop", 1, std::vector<std::int64_t>{3, 0}) == 0xb758b24715b90396u);
  CHECK(random_word(random_key("h.0.attn.drop", 1), 7, 5) == 0x50521316u);
}

TEST_CASE("a random word is a word of its block, and the step and the block use all their bits") {
  const std::uint64_t key = random_key("w", 42);
  for (std::uint64_t i = 0; i < 8; ++i) CHECK(random_word(key, 3, i) == random_block(key, 3, i / 4)[i % 4]);
  CHECK(random_block(key, 3, 1) != random_block(key, 3, 1 + (std::uint64_t{1} << 32)));
  CHECK(random_block(key, 3, 1) != random_block(key, 3 + (std::int64_t{1} << 32), 1));
  CHECK(random_block(key, 3, 9) == philox4x32({9, 0, 3, 0}, {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)}));
  CHECK(random_key("w", 42) != random_key("v", 42));
  CHECK(random_key("w", 42) != random_key("w", 43));
  const std::vector<std::int64_t> a = {0, 1}, b = {1, 0}, c = {0};
  CHECK(random_key("w", 42, a) != random_key("w", 42, b));
  CHECK(random_key("w", 42, a) != random_key("w", 42, c));
  CHECK(random_key("w", 42, c) != random_key("w", 42));
}
