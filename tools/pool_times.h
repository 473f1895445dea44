// What it costs to start work on the threads of a pool and to wait for its end: the least that any kernel call costs.
#pragma once

namespace uwaga {

// Microseconds, medians over many runs with nothing to do, back to back.
struct PoolTimes {
  double launch = 0;   // from the call until the last thread has begun
  double barrier = 0;  // from the last thread's end until the caller goes on
  double run = 0;      // a whole run that waits for nobody who has not begun: what a kernel call costs its caller
};
PoolTimes pool_times(int threads);

}  // namespace uwaga
