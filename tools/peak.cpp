#include "tools/peak.h"

#include <uwaga/ir/random.h>
#include <uwaga/runtime/host/cpu.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tools/timed_threads.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace uwaga {
namespace {

// Each does `rounds` times twelve independent chains: enough to cover the latency of two units.
constexpr int kChains = 12;
using Chains = float (*)(std::int64_t rounds);

#if defined(__x86_64__)
__attribute__((target("avx512f"))) float chains_avx512(std::int64_t rounds) {
  __m512 x[kChains];
  for (int i = 0; i < kChains; ++i) x[i] = _mm512_set1_ps(1.0f + static_cast<float>(i));
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (std::int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) x[i] = _mm512_fmadd_ps(x[i], a, b);
  float lanes[16], total = 0;
  for (int i = 0; i < kChains; ++i) {
    _mm512_storeu_ps(lanes, x[i]);
    total += lanes[0];
  }
  return total;
}

__attribute__((target("avx2,fma"))) float chains_avx2(std::int64_t rounds) {
  __m256 x[kChains];
  for (int i = 0; i < kChains; ++i) x[i] = _mm256_set1_ps(1.0f + static_cast<float>(i));
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (std::int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) x[i] = _mm256_fmadd_ps(x[i], a, b);
  float lanes[8], total = 0;
  for (int i = 0; i < kChains; ++i) {
    _mm256_storeu_ps(lanes, x[i]);
    total += lanes[0];
  }
  return total;
}

__attribute__((target("avx512f,avx512bf16"))) float chains_bf16(std::int64_t rounds) {
  __m512 x[kChains];
  for (int i = 0; i < kChains; ++i) x[i] = _mm512_set1_ps(1.0f + static_cast<float>(i));
  const auto a = (__m512bh)_mm512_set1_epi32(0x3f003f00);  // pairs of 1/2
  for (std::int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) x[i] = _mm512_dpbf16_ps(x[i], a, a);
  float total = 0;
  for (int i = 0; i < kChains; ++i) total += _mm512_cvtss_f32(x[i]);
  return total;
}

// Tiles of 16 x 16 sums, four of them by turns. A product of tiles takes a processor as long as so many rounds of the others.
constexpr std::int64_t kRoundsATile = 32;

// Two tiles of bf16 with random signs and fractions, between 1/2 and 2. Of zeros the same loop does a quarter more: a processor lowers its
// clock by the power that what it multiplies takes.
struct NumberTiles {
  alignas(64) std::uint16_t bits[2][16][32];
  NumberTiles() {
    std::uint64_t element = 0;
    for (auto& tile : bits)
      for (auto& row : tile)
        for (std::uint16_t& b : row) b = static_cast<std::uint16_t>((random_word(1, 0, element++) & 0x80ff) | 0x3f00);
  }
};

__attribute__((target("amx-tile,amx-bf16"))) float chains_tiles(std::int64_t rounds) {
  alignas(64) unsigned char shape[64] = {1};
  for (int tile = 0; tile < 8; ++tile) {
    shape[16 + 2 * tile] = 64;  // bytes a row
    shape[48 + tile] = 16;      // rows
  }
  _tile_loadconfig(shape);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  static const NumberTiles numbers;
  _tile_loadd(4, numbers.bits[0], 64);
  _tile_loadd(5, numbers.bits[1], 64);
  for (std::int64_t r = 0; r < rounds / kRoundsATile; ++r)
#pragma GCC unroll 3
    for (int i = 0; i < kChains / 4; ++i) {
      _tile_dpbf16ps(0, 4, 5);
      _tile_dpbf16ps(1, 4, 5);
      _tile_dpbf16ps(2, 4, 5);
      _tile_dpbf16ps(3, 4, 5);
    }
  alignas(64) float sums[16][16];
  _tile_stored(0, sums, 64);
  _tile_release();
  return sums[0][0];
}
#endif

// Of products of bf16: a loop, and what it does a step.
struct Bf16Chains {
  Chains chains = nullptr;
  double flops_a_step = 0;
};
Bf16Chains bf16_chains_for(const CpuFeatures& cpu) {
#if defined(__x86_64__)
  if (cpu.amx_bf16 && request_amx()) return {chains_tiles, 2.0 * 16 * 16 * 32 / kRoundsATile};
  if (cpu.avx512_bf16) return {chains_bf16, 4.0 * cpu.f32_lanes()};
#endif
  (void)cpu;
  return {};
}

Chains chains_for(const CpuFeatures& cpu) {
#if defined(__x86_64__)
  if (cpu.avx512) return chains_avx512;
  if (cpu.avx2) return chains_avx2;
#endif
  (void)cpu;
  return nullptr;
}

#if defined(__x86_64__)
// Eight additions a round, each waiting for the one before.
float additions(std::int64_t rounds) {
  std::int64_t x = 0, one = 1;
  for (std::int64_t r = 0; r < rounds; ++r)
    asm volatile(
        "add %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\t"
        "add %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0"
        : "+r"(x)
        : "r"(one));
  return static_cast<float>(x);
}
#endif

constexpr std::int64_t kRounds = 10'000'000;

// GFLOP/s of chains whose every step is `flops_a_step` of them; 0 without chains.
double best(Chains chains, double flops_a_step, int threads, const PeakTries& tries) {
  const std::int64_t rounds = kRounds * tries.length;
  const double flops = flops_a_step * kChains * static_cast<double>(rounds) * threads;
  double most = 0;
  for (int i = 0; chains && i < tries.tries; ++i) most = std::max(most, flops / seconds(threads, [&](int) { return chains(rounds); }) * 1e-9);
  return most;
}

}  // namespace

double peak_f32_gflops(int threads, const PeakTries& tries) {
  const CpuFeatures cpu = host_cpu();
  return best(chains_for(cpu), 2.0 * cpu.f32_lanes(), threads, tries);
}

double peak_bf16_gflops(int threads, const PeakTries& tries) {
  const CpuFeatures cpu = host_cpu();
  const Bf16Chains b = bf16_chains_for(cpu);
  return best(b.chains, b.flops_a_step, threads, tries);
}

Core measured_core() {
  Core core;
#if defined(__x86_64__)
  double peak = 0;
  for (int i = 0; i < PeakTries{}.tries; ++i) {  // in turns: the clock drifts
    peak = std::max(peak, peak_f32_gflops(1, {.tries = 1}));
    core.clock_ghz = std::max(core.clock_ghz, 8e-9 * static_cast<double>(kRounds) / seconds(1, [](int) { return additions(kRounds); }));
  }
  core.units = static_cast<int>(std::lround(peak / (2.0 * host_cpu().f32_lanes() * core.clock_ghz)));
#endif
  return core;
}

}  // namespace uwaga
