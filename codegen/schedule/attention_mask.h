// Interval arithmetic on a mask: can it be true anywhere in a box of queries and keys?
#pragma once

#include <functional>
#include <map>
#include <string>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/attention_form.h>

namespace uwaga::schedule {

// An i64 interval, both ends included.
struct Span {
  kernel::Ex low, high;
};
using Box = std::map<std::string, Span>;  // by axis; of other axes nothing is known

// A boolean scalar; empty where nothing is known, so that it can be. Comparisons of sums and differences of indices and constants
// are decided, and what logical ops make of them.
kernel::Ex may_hold(kernel::Inline& x, Value mask, const Box& box);
// Is it true everywhere in the box? Empty where that is not known.
kernel::Ex must_hold(kernel::Inline& x, Value mask, const Box& box);

// Keys of a block: part of the order of sums of attention.
inline constexpr std::int64_t kKeyBlock = 128;

// The blocks of keys that the form's mask does not rule out for these queries, in loops of the kernel.
void key_blocks(kernel::Inline& x, const AttentionForm& form, kernel::Ex keys, const Span& queries,
                const std::function<void(kernel::Ex begin, kernel::Ex end)>& body);

}  // namespace uwaga::schedule
