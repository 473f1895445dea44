#include <uwaga/ir/random.h>

namespace uwaga {
namespace {

constexpr std::uint32_t low(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
constexpr std::uint32_t high(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }

constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xd2511f53} * c[0], b = std::uint64_t{0xcd9e8d57} * c[2];
    c = {high(b) ^ c[1] ^ key[0], low(b), high(a) ^ c[3] ^ key[1], low(a)};
    key[0] += 0x9e3779b9;
    key[1] += 0xbb67ae85;
  }
  return c;
}

std::uint64_t path_hash(std::string_view path) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (char c : path) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

std::uint64_t random_key(std::uint64_t hash, std::int64_t seed, std::span<const std::int64_t> scans) {
  std::uint64_t k = mix(hash + mix(static_cast<std::uint64_t>(seed)));
  for (std::int64_t index : scans) k = mix(k + 0x9e3779b97f4a7c15u * (static_cast<std::uint64_t>(index) + 1));
  return k;
}

std::array<std::uint32_t, 4> random_block(std::uint64_t key, std::int64_t step, std::uint64_t block) {
  const auto s = static_cast<std::uint64_t>(step);
  return philox4x32({low(block), high(block), low(s), high(s)}, {low(key), high(key)});
}

}  // namespace uwaga
