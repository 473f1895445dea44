// The host's schedule of attention for few queries, as when text is generated a token at a time.
//
// Vectors run over keys where scores are made and over features where values are summed, so that of one query no lane is idle
// and every key and value is read once, as it lies. Sums are in the order of attention.h, and so are the bits.
#pragma once

#include <uwaga/codegen/schedule/attention_flat.h>
#include <uwaga/codegen/schedule/attention_form.h>

namespace uwaga::schedule {

// At most four queries, known to be, and nothing summed over them.
bool has_few_queries(const AttentionForm& form, const HostTarget& target);
ScheduledKernel attention_of_few(const FlatAttention& flat, const AttentionForm& form, const HostTarget& target);

}  // namespace uwaga::schedule
