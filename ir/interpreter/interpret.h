// The reference interpreter: what a graph means, and the oracle of everything that computes it.
//
//   Results r = interpret(graph, {{"x", array({{"n", 3}}, std::vector<float>{1, 2, 3})}}, parameters, Mode::typed);
//   r.outputs.at("loss").item<float>();
//
// Two arithmetics. `exact`: every float is a double, casts between floats are ignored; the mathematics. `typed`: each node is
// rounded once to its dtype, and sums run in the order that the program's bits are defined by; the program:
//
//   dot         blocks of 512 terms, each one chain of fused multiply-adds in index order from +0; the first block's result
//               plus the next ones in order. f64 in f64, all else in f32; f16 and bf16 round at the end.
//   sum         up to 4096 terms: 64 lanes from +0, term i added to lane i mod 64 in order, then for s = 32, 16, 8, 4, 2, 1
//               lane[i] += lane[i + s] for i < s. More terms: blocks of 4096 in order, their results summed by the same rule.
//   order       terms count row-major in the order of the attribute `over`, the last axis the fastest.
//   scatter_add adds to the base in the order of the indices, row-major in the indices' axes sorted by name.
//   cumsum      from +0, one element after another.
//   functions   of f32 and narrower: the C library's of the double, rounded once (through f32 for the narrow dtypes).
//
// Integers are the same in both modes. Inputs may list their axes in any order; results list them as the graph's types do.
// Errors (a missing input, sizes that disagree, an index out of range, ...) are thrown as Error with the model's line.
#pragma once

#include <functional>

#include <uwaga/ir/array.h>
#include <uwaga/ir/graph.h>

namespace uwaga {

enum class Mode { exact, typed };

struct InterpretOptions {
  // Called with every value as it is computed, those of bodies included, in the order of evaluation: so a checker can name
  // the first node that differs. Floats are f64 arrays in exact mode.
  std::function<void(const GraphData& graph, NodeId node, int output, const Array& value)> observe;
  // The first NaN is an Error that names op, line and element.
  bool refuse_nan = false;
  // Of symbols that no input's axis tells; where one does, they must agree.
  Sizes sizes;
};

struct Results {
  Arrays outputs;  // by name; f64 for every floating dtype in exact mode
  Arrays updates;  // by path of the slot
};

// `parameters` by path; it may hold more than the graph has. In exact mode any floating dtype serves for any other.
Results interpret(const Graph& graph, const Arrays& inputs, const Arrays& parameters = {}, Mode mode = Mode::exact,
                  const InterpretOptions& options = {});

// The first value of every parameter, by its own initial graph.
Arrays initial_parameters(const Graph& graph, std::int64_t seed, Mode mode = Mode::typed);

struct Tangents {
  Arrays inputs, parameters;  // f64 or the dtype of what they belong to; absent ones are zero
};
struct JvpResults {
  Results primal, tangent;  // tangents of floating outputs and updates only, all f64
};

// Exact values and directional derivatives by dual numbers. The rules are the interpreter's own: nothing is shared with
// autodiff/, which is checked against this. abs has derivative 0 at 0; ties of max, min and reduce_max share equally.
JvpResults interpret_jvp(const Graph& graph, const Arrays& inputs, const Arrays& parameters, const Tangents& tangents,
                         const InterpretOptions& options = {});

}  // namespace uwaga
