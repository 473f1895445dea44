// Attention that the host computes tile by tile, for any user-written score and mask.
//
//   std::string why;
//   if (claims_attention(call, why)) ...                 // kept whole by `expand`, an `attention` cluster for `fuse`
//   const AttentionClaims kept = find_attention(graph);  // of a whole graph
//
// A call of `attention` or `attention_backward` is claimed when its body is a program over tiles of query x key: dots that
// make scores, anything elementwise on them, reductions over the keys, and dots or sums that take the tiles away. Its kernels then
// never store a tensor over query and key. What is not claimed runs from the body, and says why.
//
// f32 only. The derivative of the body is claimed by the same rule, so a user's score function needs nothing of its own: what it reads
// gets its gradient from the same kernels, a value for each head or key or query, one for both, or a table that it looks up.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <uwaga/ir/graph.h>

namespace uwaga {

// Which kernels a target has. Those of a GPU give the gradients of what scores read where these are sums over queries and keys.
enum class AttentionKernels : std::uint8_t { none, sums_over_both, all };

// The body as kernels are written from it: calls inside expanded, simplified.
Graph attention_body(const CallAttrs& call);

// `reason`: one phrase, where it is not claimed; empty for calls that are no attention.
bool claims_attention(const CallAttrs& call, std::string& reason, AttentionKernels kernels = AttentionKernels::all);

struct AttentionClaims {
  std::set<const GraphData*> bodies;  // of the calls to keep
  std::vector<std::pair<ProvenanceId, std::string>> refused;
  bool keeps(const CallAttrs& call) const { return bodies.contains(&call.body.data()); }
};
// In `graph` and the graphs inside it. A forward call whose derivative runs from its body does so too: then both share what
// they compute.
AttentionClaims find_attention(const Graph& graph, AttentionKernels kernels = AttentionKernels::all);

}  // namespace uwaga
