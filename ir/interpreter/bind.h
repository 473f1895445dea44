// What a program is given, checked against its graph before anything runs.
//
//   BoundInputs b = bind_inputs(graph, {{"tokens", tokens}, {"targets", targets}});
//   b.sizes;        // {"batch": 8, "time": 1024}
//
// Symbols take their values from the inputs' axes. Every disagreement is one Error: a missing or unknown input, a dtype, a
// set of axes, an extent, one symbol with two values, a bound exceeded.
#pragma once

#include <vector>

#include <uwaga/ir/array.h>
#include <uwaga/ir/graph.h>

namespace uwaga {

enum class Floats { as_declared, any };  // whether f32 will do where bf16 is declared

struct BoundInputs {
  Sizes sizes;
  std::vector<Array> inputs;  // in the order of the graph's inputs, axes in the order of their types
};
// `sizes`: of symbols that no input's axis tells.
BoundInputs bind_inputs(const Graph& graph, const Arrays& given, Floats floats = Floats::as_declared, const Sizes& sizes = {});

// One array for one type whose sizes are known. `what` begins the sentence: "input 'x'", "parameter 'h.0.weight'".
Array bind_array(const std::string& what, const Type& type, const Array& given, const Sizes& sizes,
                 Floats floats = Floats::as_declared);

}  // namespace uwaga
