// Random bits from counters: the same numbers whatever computes them, in whatever order.
//
//   std::uint64_t key = random_key("h.3.attn.drop", seed);
//   std::uint32_t bits = random_word(key, step, i);           // element i
//
// Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It maps a
// counter of four 32-bit words and a key of two to four random words. `random_bits` uses it like this:
//
//   element    i = row-major position of the element in its axes sorted by name, the last name the fastest
//   counter    { low(i / 4), high(i / 4), low(step), high(step) }          low, high: the halves of a 64-bit number
//   key        { low(k), high(k) }
//   result     word i % 4 of the block
//   k          mix(hash(path) + mix(seed)), then for each enclosing scan, outermost first: k = mix(k + G * (index + 1))
//   hash(path) FNV-1a of the path's bytes: h = 0xcbf29ce484222325; for each byte: h = (h ^ byte) * 0x100000001b3
//   mix(z)     z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9; z = (z ^ z >> 27) * 0x94d049bb133111eb; z ^ z >> 31
//   G          0x9e3779b97f4a7c15
//
// All arithmetic is on unsigned 64-bit integers, modulo 2^64. This text is the specification: changing any of it changes
// every model's initial values and dropout masks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace uwaga {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// FNV-1a, 64 bits; the part of the key that does not change while a program runs.
std::uint64_t path_hash(std::string_view path);

// `scans`: the index of each enclosing scan, outermost first.
std::uint64_t random_key(std::uint64_t path_hash, std::int64_t seed, std::span<const std::int64_t> scans = {});
inline std::uint64_t random_key(std::string_view path, std::int64_t seed, std::span<const std::int64_t> scans = {}) {
  return random_key(path_hash(path), seed, scans);
}

// The four words of elements 4 * block ... 4 * block + 3.
std::array<std::uint32_t, 4> random_block(std::uint64_t key, std::int64_t step, std::uint64_t block);

inline std::uint32_t random_word(std::uint64_t key, std::int64_t step, std::uint64_t element) {
  return random_block(key, step, element / 4)[element % 4];
}

}  // namespace uwaga
