// Calls that stay one node until their kernel is written.
//
//   const WholeCalls whole = find_whole_calls(graph);             // `expand` keeps what whole.keeps(call)
//   Schedule s = with_calls_written(graph, cluster, layouts,      // a cluster's kernels, its calls written out
//                                   [](const Graph& g, const Cluster& c, const Layouts& l) { ... });
//
// An optimiser's update is some twenty ops for each parameter: three of four nodes of a training step. Passes and fusion can do nothing
// with the single ops that they could not do with the call, since
//
// * its body is elementwise: every value in it is over all axes of the results, or a scalar; so to fusion the call is one
//   elementwise op, which reads its big operands element for element and its scalars repeated;
// * nothing in the graph reads its results: they are outputs and updates, so no later node could be simplified with them.
//
// Bodies themselves are simplified by the passes, each once, however many calls share it. What reads and what is read stays
// fused as if the ops were written out, and kernels are the same: they are written from the ops.
#pragma once

#include <functional>
#include <unordered_set>

#include <uwaga/codegen/schedule.h>

namespace uwaga {

// Is this a call whose body is elementwise, and for which no kernel is claimed?
bool is_elementwise_call(const Node& node);
// The same of a call that `expand` left, without looking into its body: what is left is attention's, or has a kernel of its
// own, or is one of these.
bool is_whole_call(const Node& node);

struct WholeCalls {
  std::unordered_set<const GraphData*> bodies;  // of the calls to keep
  bool keeps(const CallAttrs& call) const { return bodies.contains(&call.body.data()); }
};
// Of the graph itself; calls inside bodies of scan and cond are written out as ever.
WholeCalls find_whole_calls(const Graph& graph);

// `write` on the cluster as it is if it holds no such call; else on a graph of the cluster alone with these calls
// inlined, its leaves and layouts kept. The result speaks of `graph` again: buffers are its values, and `nodes` of a kernel
// says which node of the cluster an ordinal belongs to.
using WriteCluster = std::function<Schedule(const Graph&, const Cluster&, const Layouts&)>;
Schedule with_calls_written(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const WriteCluster& write);

}  // namespace uwaga
