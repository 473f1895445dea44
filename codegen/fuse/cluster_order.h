// The canonical order of a cluster's nodes, and the signature that clusters with equal kernels share.
//
// Which kernel a cluster needs depends on its ops, attributes, types and layouts, not on where in the graph it stands. Its
// nodes are put in the order in which a walk from its outputs, operands first, meets them; inputs and outputs likewise. So
// the same block of every layer gives the same kernel, and is scheduled once.
#pragma once

#include <unordered_map>
#include <utility>

#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/structural_hash.h>

namespace uwaga {

// Hashes of the types met so far, by their list of dims and dtype.
using TypeHashes = std::unordered_map<std::uintptr_t, std::pair<Type, Hash128>>;

// Reorders nodes, inputs and outputs. Equal signatures: schedules are equal but for the values behind the buffers, which
// correspond position by position.
Hash128 canonicalise_cluster(const Graph& graph, const Layouts& layouts, Cluster& cluster, TypeHashes& types);

}  // namespace uwaga
