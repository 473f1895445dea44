// How fast bytes go between a core and each level of its memory: what a roofline is drawn from.
#pragma once

#include <cstdint>

namespace uwaga {

// GB/s (10^9 bytes) of all threads together, each going over memory of its own again and again.
struct Bandwidth {
  double read = 0, write = 0;
};
// `bytes` a thread, rounded to whole pages; the best of a few tries of about 20 ms.
Bandwidth bandwidth(std::int64_t bytes, int threads);
// The same of a loop that reads `reads` streams and writes `writes` of them at once, as kernels do: GB/s of the bytes of all
// streams, those written counted once, whatever the caches fetch before they write. `in_place`: the streams written are the
// first of those read. `bytes` a thread, of all its streams. Mixes of (1, 0), (1, 1), (2, 1) and (4, 3).
struct StreamMix {
  int reads = 1, writes = 0;
  bool in_place = false;
};
double mixed_bandwidth(const StreamMix& mix, std::int64_t bytes, int threads);
// Bytes that no cache holds: what host_cpu() tells of the last one four times over, 256 MiB at least.
std::int64_t memory_bytes();
// Of that much memory, all threads together.
Bandwidth memory_bandwidth(int threads);

}  // namespace uwaga
