// The host's schedule of a `contraction` cluster with few rows: decoding one position after another, mostly. Then each
// element of B is used a few times only, and the product is as fast as B comes from memory.
//
// B is read where it lies, each element once, and never packed. Of many terms and few columns tasks take blocks of terms; a second
// kernel adds them up. On a target with tile registers one row of bf16 would leave them next to empty: it is multiplied in pairs, to the
// bits of tiles.
//
// A task computes some columns of all rows of one batch entry.
// Where the columns of B lie one after the other, it takes a few terms at a time over all its columns, whose sums lie in the
// first cache. Where the terms do, squares of as many terms as columns are loaded and turned over in registers. Sums are
// those of every f32 dot: blocks of 512 terms, each one fma chain.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga {

// Whether `few_rows` is the schedule for a contraction: its rows are few and known, and nothing else multiplies it in pairs.
bool has_few_rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

Schedule schedule_few_rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga
