// The memory plan: where in one arena each intermediate value lies.
//
// Order and lifetimes are fixed when a program is compiled; offsets are computed when sizes are bound (at most 1 ms, then
// kept), so that peak memory is known before anything runs.
#pragma once

#include <cstdint>
#include <vector>

#include <uwaga/ir/extent.h>

namespace uwaga {

// One block of the arena: alive from the step that first writes it to the step that last reads it, both included.
struct Lifetime {
  Extent bytes;
  int first = 0;
  int last = 0;
  std::int64_t parts = 1;  // that `bytes` are divided by
};

struct Placement {
  std::vector<std::int64_t> offsets;  // by block; multiples of 64
  std::int64_t arena_bytes = 0;
};

Placement place(const std::vector<Lifetime>& blocks, const Sizes& sizes);

}  // namespace uwaga
