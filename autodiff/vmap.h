// vmap: a graph for one becomes a graph for many, by one more axis.
//
//   Graph many = vmap(one, Axis{"sample"}, {"x"});      // x gets the axis `sample` in front; every output has it
//
// Since axes have names, most ops stay as they are; elementwise ones broadcast the operands that lack the axis. Inputs
// not named, and parameters, are shared. Random bits are drawn anew along the axis. A cond whose condition has the axis
// becomes a select of both branches, in which indices then have to be in range whatever the condition; composites stay
// calls of the same name.
#pragma once

#include <uwaga/ir/ops.h>

#include <string>
#include <vector>

namespace uwaga {

// The axis without a size becomes a symbol of its own name. Error: the graph uses the axis already, an input of that
// name does not exist, or a state slot would be given a value for each element of the axis.
Graph vmap(const Graph& graph, const Axis& axis, const std::vector<std::string>& inputs, Here where = Here::current());

}  // namespace uwaga
