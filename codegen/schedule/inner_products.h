// The host's schedule of a `contraction` cluster without rows and columns: one inner product an entry of the batch, or one of all there is.
//
// Every operand is read once, so the sums are as fast as that. A sum is what every f32 dot is: blocks of 512 terms, each one fma
// chain, added in order. The chains of all entries and blocks are alike, and a vector computes as many of them side by side as it has
// lanes: where entries lie one after the other, those of neighbours; where terms do, any that follow each other, from squares of as many
// terms as chains that are turned over in registers. Where there may be several blocks, a second kernel adds them up.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga {

bool has_inner_products(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

Schedule schedule_inner_products(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga
