#include <uwaga/ir/hasher.h>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace uwaga {
namespace {

// Bijective in x: nothing is lost by it.
constexpr std::uint64_t avalanche(std::uint64_t x) {
  x = (x ^ (x >> 32)) * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 29)) * 0xd6e8feb86659fd93;
  return x ^ (x >> 32);
}

}  // namespace

std::string Hash128::str() const { return fmt::format("{:016x}{:016x}", hi, lo); }

Hasher& Hasher::bytes(std::string_view text) {
  word(text.size());
  for (std::size_t i = 0; i < text.size(); i += 8) {
    std::uint64_t w = 0;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(&w, text.data() + i, std::min<std::size_t>(8, text.size() - i));
    } else {
      for (std::size_t j = 0; j < 8 && i + j < text.size(); ++j)
        w |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i + j])) << (8 * j);
    }
    word(w);
  }
  return *this;
}

Hash128 Hasher::finish() const {
  const std::uint64_t hi = avalanche(a_ + std::rotl(b_, 23));
  return {hi, avalanche(b_ ^ hi)};
}

}  // namespace uwaga
