// Interval arithmetic on a mask: can it be true anywhere in a box of queries and keys?
#pragma once

#include <map>
#include <string>

#include <uwaga/codegen/lower/inline.h>

namespace uwaga::schedule {

// An i64 interval, both ends included.
struct Span {
  kernel::Ex low, high;
};
using Box = std::map<std::string, Span>;  // by axis; of other axes nothing is known

// A boolean scalar; empty where nothing is known, so that it can be. Comparisons of sums and differences of indices and constants
// are decided, and what logical ops make of them.
kernel::Ex may_hold(kernel::Inline& x, Value mask, const Box& box);

}  // namespace uwaga::schedule
