// Precision as a policy: matrix products, and what is kept for derivatives, in a narrow dtype; everything else as it was.
//
//   Graph step = compute_in(train_step(loss, AdamW{}), DType::bf16);   // parameters, moments and sums stay f32
//
// The operands of every f32 dot are cast to the narrow dtype, and the dot still gives f32: products are summed in f32. What the
// derivatives of activations read is kept in the narrow dtype too (keep_in). An attention stays one op, so that a backend can
// stream it: what its dots read is rounded where it enters, and its probabilities where a dot takes them, while softmax and its
// derivative compute in f32. All other composites that multiply matrices are written out. The casts are nodes of the graph like any
// other: they are printed, differentiated (so apply this after differentiation) and run alike by every backend.
#pragma once

#include <uwaga/ir/graph_ref.h>

namespace uwaga {

// f32 gives the graph back. Error unless `compute` is f32, bf16 or f16.
Graph compute_in(const Graph& graph, DType compute);

// What a derivative, element by element, reads of the forward pass and what is made of products alone (gates, slopes of activations,
// what was gated) is rounded to a narrow dtype where it is made, for all that read it: half as many bytes to keep. What a
// reduction, an attention or a sum of several products reads as well, a norm's input or logits, stays as it was. Bodies of loops
// and branches stay too. f32 gives the graph back. Error: another dtype than f32, bf16 or f16.
Graph keep_in(const Graph& graph, DType dtype);

// Its f32 parameters kept in a narrow dtype, and widened where they are used: for models that no longer learn, whose weights
// are then half as many bytes to read. f32 gives the graph back. Errors: another dtype, a graph that updates a parameter.
Graph parameters_in(const Graph& graph, DType dtype);

}  // namespace uwaga
