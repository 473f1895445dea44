// The most this machine's cores can do: what a roofline is drawn from.
#pragma once

#include <cstdint>

namespace uwaga {

// f32 GFLOP/s of `threads` threads that do nothing but fused multiply-adds in registers, at the vector width that
// host_cpu() allows; the best of a few tries of about 20 ms. 0 where there is no measurement for this processor.
double peak_f32_gflops(int threads);
// The same of products of bf16 that are added up in f32: AVX512_BF16. 0 where host_cpu() has none, or has tile registers too,
// which are not measured.
double peak_bf16_gflops(int threads);

// GB/s (10^9 bytes) of all threads together, each going over memory of its own again and again.
struct Bandwidth {
  double read = 0, write = 0;
};
// `bytes` a thread, rounded to whole pages; the best of a few tries of about 20 ms.
Bandwidth bandwidth(std::int64_t bytes, int threads);
// Of memory outside the caches: what host_cpu() tells of the last cache four times over, 256 MiB at least.
Bandwidth memory_bandwidth(int threads);

}  // namespace uwaga
