// The most this machine's cores can do: what a roofline is drawn from.
#pragma once

#include <cstdint>

namespace uwaga {

// Threads that do nothing but fused multiply-adds in registers, at the vector width that host_cpu() allows; beside them the
// clock those cores run at, from chains of integer additions, one a cycle: each the best of tries of about 20 ms, in turns.
struct PeakF32 {
  double gflops = 0;     // of all threads together; 0 where there is no measurement for this processor
  double clock_ghz = 0;  // 0 likewise
  int units = 0;         // multiply-add units a core must have for that: the whole number nearest to what was reached
  double by_units = 0;   // threads x lanes x 2 x units x clock
  double share() const { return by_units > 0 ? gflops / by_units : 0; }
};
PeakF32 peak_f32(int threads);
// GFLOP/s of products of bf16 that are added up in f32: AVX512_BF16. 0 where host_cpu() has none, or has tile registers too,
// which are not measured.
double peak_bf16_gflops(int threads);

}  // namespace uwaga
