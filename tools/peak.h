// The most this machine's cores can do: what a roofline is drawn from.
#pragma once

namespace uwaga {

// f32 GFLOP/s of `threads` threads that do nothing but fused multiply-adds in registers, at the vector width that
// host_cpu() allows; the best of a few tries of about 20 ms. 0 where there is no measurement for this processor.
double peak_f32_gflops(int threads);

}  // namespace uwaga
