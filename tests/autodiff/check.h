// Checks of derivatives in exact arithmetic: the reverse against the forward (<J v, u> = <v, J' u>), the forward
// against the interpreter's dual numbers, and both orders against central differences.
#pragma once

#include <uwaga/ir/array.h>
#include <uwaga/ir/ops.h>

#include <string>
#include <vector>

namespace uwaga::test {

// Random values for every input of a graph: floating ones uniform in [low, high), distinct enough that no two tie;
// integers in [0, index_limit); i64 scalars 0 or 1; bools. Symbols take their extents from `sizes`, 3 where it has
// none.
struct Draw {
  double low = -2, high = 2;
  std::int64_t index_limit = 3;
  Sizes sizes = {};
  std::uint64_t seed = 1;
};
Arrays random_inputs(const Graph& graph, const Draw& draw);
Array random_array(const Type& type, const Draw& draw);

double inner(const Array& a, const Array& b);  // axes may be listed in different orders
double norm(const Array& a);
double largest_difference(const Array& a, const Array& b);
bool is_close(const Array& a, const Array& b, double relative = 1e-12);

// The floating inputs of a graph and its floating outputs, as tensors.
std::vector<Tensor> floating_inputs(Graph graph);
std::vector<Tensor> floating_outputs(Graph graph);

// Everything above asked of a graph with respect to its floating inputs, first and second order; adds nodes to it.
// Kinks within `step` of the random point make the differences meaningless, so keep away from them.
struct CheckOptions {
  bool second = true;
  bool differences = true;
};
// What differs, a sentence each.
std::vector<std::string> derivative_differences(Graph graph, const Draw& draw, const CheckOptions& options = {});
void check_derivatives(Graph graph, const Draw& draw, const CheckOptions& options = {});

// A copy whose outputs that are not floating are outputs as f32 too.
Graph with_floating_outputs(const Graph& graph);
// Is there no Error when the floating outputs are differentiated?
bool differentiates_in_silence(const Graph& graph);

}  // namespace uwaga::test
