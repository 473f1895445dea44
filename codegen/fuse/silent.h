// fuse() for a compiler that asks no questions: the same clusters, but no boundaries, which are most of the work.
#pragma once

#include <uwaga/codegen/cluster.h>

namespace uwaga {

Clustering fuse_silently(const Graph& graph);

}  // namespace uwaga
