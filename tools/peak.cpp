#include "tools/peak.h"

#include <uwaga/ir/array.h>
#include <uwaga/runtime/host/cpu.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
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
#endif

Chains bf16_chains_for(const CpuFeatures& cpu) {
#if defined(__x86_64__)
  if (cpu.avx512_bf16 && !cpu.amx_bf16) return chains_bf16;
#endif
  (void)cpu;
  return nullptr;
}

Chains chains_for(const CpuFeatures& cpu) {
#if defined(__x86_64__)
  if (cpu.avx512) return chains_avx512;
  if (cpu.avx2) return chains_avx2;
#endif
  (void)cpu;
  return nullptr;
}

// Reads or writes `n` floats, a multiple of 1,024 at a multiple of 64 bytes, `rounds` times.
using Sweep = float (*)(float* data, std::int64_t n, std::int64_t rounds);

#if defined(__x86_64__)
__attribute__((target("avx2"))) float read_avx2(float* data, std::int64_t n, std::int64_t rounds) {
  __m256 x[8] = {};
  for (std::int64_t r = 0; r < rounds; ++r)
    for (std::int64_t i = 0; i < n; i += 64)
#pragma GCC unroll 8
      for (int k = 0; k < 8; ++k) x[k] = _mm256_or_ps(x[k], _mm256_load_ps(data + i + 8 * k));
  for (int k = 1; k < 8; ++k) x[0] = _mm256_or_ps(x[0], x[k]);
  return _mm256_cvtss_f32(x[0]);
}
__attribute__((target("avx2"))) float write_avx2(float* data, std::int64_t n, std::int64_t rounds) {
  for (std::int64_t r = 0; r < rounds; ++r) {
    const __m256 x = _mm256_set1_ps(static_cast<float>(r));
    for (std::int64_t i = 0; i < n; i += 64)
#pragma GCC unroll 8
      for (int k = 0; k < 8; ++k) _mm256_store_ps(data + i + 8 * k, x);
  }
  return data[0];
}
__attribute__((target("avx512f"))) float read_avx512(float* data, std::int64_t n, std::int64_t rounds) {
  __m512i x[8] = {};
  for (std::int64_t r = 0; r < rounds; ++r)
    for (std::int64_t i = 0; i < n; i += 128)
#pragma GCC unroll 8
      for (int k = 0; k < 8; ++k) x[k] = _mm512_or_si512(x[k], _mm512_load_si512(data + i + 16 * k));
  for (int k = 1; k < 8; ++k) x[0] = _mm512_or_si512(x[0], x[k]);
  return _mm512_cvtss_f32(_mm512_castsi512_ps(x[0]));
}
__attribute__((target("avx512f"))) float write_avx512(float* data, std::int64_t n, std::int64_t rounds) {
  for (std::int64_t r = 0; r < rounds; ++r) {
    const __m512 x = _mm512_set1_ps(static_cast<float>(r));
    for (std::int64_t i = 0; i < n; i += 128)
#pragma GCC unroll 8
      for (int k = 0; k < 8; ++k) _mm512_store_ps(data + i + 16 * k, x);
  }
  return data[0];
}
#endif

float read_plain(float* data, std::int64_t n, std::int64_t rounds) {
  float x[16] = {};
  for (std::int64_t r = 0; r < rounds; ++r)
    for (std::int64_t i = 0; i < n; i += 16)
      for (int k = 0; k < 16; ++k) x[k] += data[i + k];
  return x[0];
}
float write_plain(float* data, std::int64_t n, std::int64_t rounds) {
  for (std::int64_t r = 0; r < rounds; ++r) std::fill(data, data + n, static_cast<float>(r));
  return data[0];
}

std::pair<Sweep, Sweep> sweeps_for(const CpuFeatures& cpu) {
#if defined(__x86_64__)
  if (cpu.avx512) return {read_avx512, write_avx512};
  if (cpu.avx2) return {read_avx2, write_avx2};
#endif
  (void)cpu;
  return {read_plain, write_plain};
}

// Seconds from the first thread's start to the last one's end. Each reads the clock itself: whoever starts them may not get
// to run before they are done.
double seconds(int threads, const std::function<float(int thread)>& work) {
  using Clock = std::chrono::steady_clock;
  std::barrier gate(threads);
  std::vector<std::thread> workers;
  std::vector<float> kept(static_cast<std::size_t>(threads));
  std::vector<Clock::time_point> begin(kept.size()), end(kept.size());
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      const auto i = static_cast<std::size_t>(t);
      gate.arrive_and_wait();
      begin[i] = Clock::now();
      kept[i] = work(t);
      end[i] = Clock::now();
    });
  for (std::thread& w : workers) w.join();
  return std::chrono::duration<double>(*std::max_element(end.begin(), end.end()) - *std::min_element(begin.begin(), begin.end())).count();
}

// GFLOP/s of chains whose every step is `flops` of them.
double peak(Chains chains, double flops_a_step, int threads) {
  if (!chains) return 0;
  constexpr std::int64_t kRounds = 10'000'000;
  double best = 0;
  for (int i = 0; i < 12; ++i) {  // a quarter of a second: threads just started may share a core for some tries
    const double flops = flops_a_step * kChains * static_cast<double>(kRounds) * threads;
    best = std::max(best, flops / seconds(threads, [&](int) { return chains(kRounds); }) * 1e-9);
  }
  return best;
}

}  // namespace

double peak_f32_gflops(int threads) {
  const CpuFeatures cpu = host_cpu();
  return peak(chains_for(cpu), 2.0 * cpu.f32_lanes(), threads);
}

double peak_bf16_gflops(int threads) {
  const CpuFeatures cpu = host_cpu();
  return peak(bf16_chains_for(cpu), 4.0 * cpu.f32_lanes(), threads);
}

Bandwidth bandwidth(std::int64_t bytes, int threads) {
  constexpr std::int64_t kPage = 4096, kBytesOfATry = std::int64_t{1} << 29;
  const auto [read, write] = sweeps_for(host_cpu());
  bytes = std::max((bytes + kPage - 1) / kPage, std::int64_t{1}) * kPage;
  const std::int64_t floats = bytes / 4, rounds = std::max<std::int64_t>(kBytesOfATry / bytes, 1);
  std::vector<Array> memory;
  for (int t = 0; t < threads; ++t) memory.emplace_back(DType::f32, ArrayDims{{"at", floats}});
  const double all = static_cast<double>(bytes) * static_cast<double>(rounds) * threads * 1e-9;
  const auto best = [&](Sweep sweep) {
    double most = 0;
    for (int i = 0; i < 4; ++i)
      most = std::max(most, all / seconds(threads, [&](int t) {
                        return sweep(memory[static_cast<std::size_t>(t)].mutable_as<float>().data(), floats, rounds);
                      }));
    return most;
  };
  Bandwidth b;
  b.write = best(write);  // first: memory nobody has written is one page of zeros
  b.read = best(read);
  return b;
}

Bandwidth memory_bandwidth(int threads) {
  const std::int64_t all = std::max<std::int64_t>(4 * host_cpu().l3_bytes, 256 << 20);
  return bandwidth(all / threads, threads);
}

}  // namespace uwaga
