// The passes between a user's graph and fusion.
#pragma once

#include <uwaga/ir/graph.h>

namespace uwaga {

// Composites expanded, names and gradient stops gone, equal nodes merged, canonical order.
Graph lower_for_kernels(const Graph& graph);

}  // namespace uwaga
