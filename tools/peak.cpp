#include "tools/peak.h"

#include <uwaga/runtime/host/cpu.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

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
#endif

Chains chains_for(const CpuFeatures& cpu) {
#if defined(__x86_64__)
  if (cpu.avx512) return chains_avx512;
  if (cpu.avx2) return chains_avx2;
#endif
  (void)cpu;
  return nullptr;
}

// Seconds from the first thread's start to the last one's end. Each reads the clock itself: whoever starts them may not get
// to run before they are done.
double seconds(Chains chains, int threads, std::int64_t rounds) {
  using Clock = std::chrono::steady_clock;
  std::barrier gate(threads);
  std::vector<std::thread> workers;
  std::vector<float> kept(static_cast<std::size_t>(threads));
  std::vector<Clock::time_point> begin(kept.size()), end(kept.size());
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, i = static_cast<std::size_t>(t)] {
      gate.arrive_and_wait();
      begin[i] = Clock::now();
      kept[i] = chains(rounds);
      end[i] = Clock::now();
    });
  for (std::thread& w : workers) w.join();
  return std::chrono::duration<double>(*std::max_element(end.begin(), end.end()) - *std::min_element(begin.begin(), begin.end())).count();
}

}  // namespace

double peak_f32_gflops(int threads) {
  const CpuFeatures cpu = host_cpu();
  const Chains chains = chains_for(cpu);
  if (!chains) return 0;
  constexpr std::int64_t kRounds = 10'000'000;
  double best = 0;
  for (int i = 0; i < 4; ++i) {
    const double flops = 2.0 * kChains * cpu.f32_lanes() * static_cast<double>(kRounds) * threads;
    best = std::max(best, flops / seconds(chains, threads, kRounds) * 1e-9);
  }
  return best;
}

}  // namespace uwaga
