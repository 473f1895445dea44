#include "tools/bandwidth.h"

#include <uwaga/ir/array.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/cpu.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tools/timed_threads.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace uwaga {
namespace {

constexpr std::int64_t kBytesOfATry = std::int64_t{1} << 29;  // of one thread
constexpr int kTries = 4;

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

// Reads R streams of `n` floats and writes W of them, a multiple of 64 floats, `rounds` times.
using MixedSweep = float (*)(float* const* streams, float* const* written, std::int64_t n, std::int64_t rounds);

#if defined(__x86_64__)
template <int R, int W>
__attribute__((target("avx2"))) float mix_avx2(float* const* read, float* const* written, std::int64_t n, std::int64_t rounds) {
  __m256 all = _mm256_setzero_ps();
  for (std::int64_t r = 0; r < rounds; ++r)
    for (std::int64_t i = 0; i < n; i += 32)
#pragma GCC unroll 4
      for (std::int64_t k = 0; k < 32; k += 8) {
        __m256 x = _mm256_load_ps(read[0] + i + k);
#pragma GCC unroll 3
        for (int s = 1; s < R; ++s) x = _mm256_or_ps(x, _mm256_load_ps(read[s] + i + k));
#pragma GCC unroll 3
        for (int s = 0; s < W; ++s) _mm256_store_ps(written[s] + i + k, x);
        if (W == 0) all = _mm256_or_ps(all, x);
      }
  return _mm256_cvtss_f32(all) + (W > 0 ? written[0][0] : 0);
}
template <int R, int W>
__attribute__((target("avx512f"))) float mix_avx512(float* const* read, float* const* written, std::int64_t n, std::int64_t rounds) {
  __m512i all = _mm512_setzero_si512();
  for (std::int64_t r = 0; r < rounds; ++r)
    for (std::int64_t i = 0; i < n; i += 64)
#pragma GCC unroll 4
      for (std::int64_t k = 0; k < 64; k += 16) {
        __m512i x = _mm512_load_si512(read[0] + i + k);
#pragma GCC unroll 3
        for (int s = 1; s < R; ++s) x = _mm512_or_si512(x, _mm512_load_si512(read[s] + i + k));
#pragma GCC unroll 3
        for (int s = 0; s < W; ++s) _mm512_store_si512(written[s] + i + k, x);
        if (W == 0) all = _mm512_or_si512(all, x);
      }
  return _mm512_cvtss_f32(_mm512_castsi512_ps(all)) + (W > 0 ? written[0][0] : 0);
}
#endif

template <int R, int W>
float mix_plain(float* const* read, float* const* written, std::int64_t n, std::int64_t rounds) {
  float all[16] = {};
  for (std::int64_t r = 0; r < rounds; ++r)
    for (std::int64_t i = 0; i < n; i += 16)
      for (int k = 0; k < 16; ++k) {
        float x = read[0][i + k];
        for (int s = 1; s < R; ++s) x += read[s][i + k];
        for (int s = 0; s < W; ++s) written[s][i + k] = x;
        if (W == 0) all[k] += x;
      }
  return all[0];
}

template <int R, int W>
MixedSweep mixed_sweep(const CpuFeatures& cpu) {
#if defined(__x86_64__)
  if (cpu.avx512) return mix_avx512<R, W>;
  if (cpu.avx2) return mix_avx2<R, W>;
#endif
  (void)cpu;
  return mix_plain<R, W>;
}

MixedSweep mixed_sweep_for(const StreamMix& mix) {
  const CpuFeatures cpu = host_cpu();
  if (mix.reads == 1 && mix.writes == 0) return mixed_sweep<1, 0>(cpu);
  if (mix.reads == 1 && mix.writes == 1) return mixed_sweep<1, 1>(cpu);
  if (mix.reads == 2 && mix.writes == 1) return mixed_sweep<2, 1>(cpu);
  if (mix.reads == 4 && mix.writes == 3) return mixed_sweep<4, 3>(cpu);
  throw InternalError("no loop of such a mix of streams is here");
}

}  // namespace

Bandwidth bandwidth(std::int64_t bytes, int threads) {
  constexpr std::int64_t kPage = 4096;
  const auto [read, write] = sweeps_for(host_cpu());
  bytes = std::max((bytes + kPage - 1) / kPage, std::int64_t{1}) * kPage;
  const std::int64_t floats = bytes / 4, rounds = std::max<std::int64_t>(kBytesOfATry / bytes, 1);
  std::vector<Array> memory;
  for (int t = 0; t < threads; ++t) memory.emplace_back(DType::f32, ArrayDims{{"at", floats}});
  const double all = static_cast<double>(bytes) * static_cast<double>(rounds) * threads * 1e-9;
  const auto best = [&](Sweep sweep) {
    double most = 0;
    for (int i = 0; i < kTries; ++i)
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

double mixed_bandwidth(const StreamMix& mix, std::int64_t bytes, int threads) {
  constexpr std::int64_t kStep = 1024;  // floats: whole pages
  const MixedSweep sweep = mixed_sweep_for(mix);
  const int streams = mix.reads + (mix.in_place ? 0 : mix.writes);
  const std::int64_t floats = std::max<std::int64_t>(bytes / streams / 4 / kStep, 1) * kStep;
  const std::int64_t moved = 4 * floats * (mix.reads + mix.writes);
  const std::int64_t rounds = std::max<std::int64_t>(kBytesOfATry / moved, 1);
  std::vector<Array> memory;
  for (int i = 0; i < threads * streams; ++i) {
    memory.emplace_back(DType::f32, ArrayDims{{"at", floats}});
    const auto all = memory.back().mutable_as<float>();
    std::fill(all.begin(), all.end(), 0.0f);  // memory nobody has written is one page of zeros
  }
  double most = 0;
  for (int i = 0; i < kTries; ++i)
    most = std::max(most, static_cast<double>(moved) * static_cast<double>(rounds) * threads * 1e-9 / seconds(threads, [&](int t) {
                            std::vector<float*> own;
                            for (int s = 0; s < streams; ++s) own.push_back(memory[static_cast<std::size_t>(t * streams + s)].mutable_as<float>().data());
                            return sweep(own.data(), own.data() + (mix.in_place ? 0 : mix.reads), floats, rounds);
                          }));
  return most;
}

std::int64_t memory_bytes() { return std::max<std::int64_t>(4 * host_cpu().l3_bytes, 256 << 20); }

Bandwidth memory_bandwidth(int threads) { return bandwidth(memory_bytes() / threads, threads); }

}  // namespace uwaga
