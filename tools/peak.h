// The most this machine's cores can do: what a roofline is drawn from.
#pragma once

#include <cstdint>

namespace uwaga {

// The best of so many tries, of about 20 ms each times `length`.
struct PeakTries {
  int tries = 12;  // A quarter of a second: threads just started may share a core for some of them.
  int length = 1;
};

// f32 GFLOP/s of `threads` threads that do nothing but fused multiply-adds in registers, at the vector width that
// host_cpu() allows. 0 where there is no measurement for this processor.
double peak_f32_gflops(int threads, const PeakTries& tries = {});
// The same of products of bf16 that are added up in f32: of tiles (AMX) full of numbers, which are slower than zeros, or of pairs
// (AVX512_BF16). 0 where host_cpu() has neither.
double peak_bf16_gflops(int threads, const PeakTries& tries = {});

// What a peak should come to: threads x lanes x 2 x units x clock. The clock is that of one core, from a chain of integer
// additions, one a cycle; the units are the whole number nearest to what one core's peak needs. 0 where not measured.
struct Core {
  double clock_ghz = 0;
  int units = 0;  // that multiply and add
};
Core measured_core();

}  // namespace uwaga
