// 128-bit hashes of what is fed in, word by word. The function is fixed: the values are the same on every machine and in
// every version, and tests pin them. It is no defence against someone who constructs collisions.
#pragma once

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace uwaga {

struct Hash128 {
  std::uint64_t hi = 0, lo = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
  std::string str() const;  // 32 hexadecimal digits
};

// For hash tables over hashes.
struct HashOfHash {
  std::size_t operator()(const Hash128& h) const { return static_cast<std::size_t>(h.lo); }
};

// Feeds words to the hash one after another; the order counts.
class Hasher {
 public:
  Hasher& word(std::uint64_t w) {
    // Each lane is bijective in the word; the second also takes in the first, so that they stay independent.
    a_ = (a_ ^ w) * 0xa0761d6478bd642f;
    a_ ^= a_ >> 32;
    b_ = (b_ + std::rotl(w, 32) + a_) * 0xe7037ed1a0b428db;
    b_ ^= b_ >> 29;
    return *this;
  }
  Hasher& bytes(std::string_view text);  // with its length
  Hasher& hash(const Hash128& h) { return word(h.hi).word(h.lo); }
  Hash128 finish() const;

 private:
  std::uint64_t a_ = 0x243f6a8885a308d3, b_ = 0x13198a2e03707344;  // digits of pi
};

}  // namespace uwaga
