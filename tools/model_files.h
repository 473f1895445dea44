// Tensors of safetensors files as Arrays, and weights from a Hugging Face folder into a State.
//
//   load_weights(state, weight_table(config), Weights("checkpoints/llama"));
#pragma once

#include <uwaga/ir/array.h>
#include <uwaga/models/hugging_face.h>
#include <uwaga/runtime/io/sharded.h>
#include <uwaga/runtime/state.h>

#include <string>

namespace uwaga {

// Under axes "axis0", "axis1", ...
Array to_array(const StoredTensor& tensor);
// Under these axes, as many as the tensor has; Error otherwise.
Array to_array(const StoredTensor& tensor, const AxisNames& axes);

// The model's parameters, by path. Error: a tensor that is missing, of another shape, or that the model has no use for.
Arrays read_parameters(const WeightTable& table, const Weights& weights);
// The same into a state's slots, in the slots' dtypes.
void load_weights(State& state, const WeightTable& table, const Weights& weights);

}  // namespace uwaga
