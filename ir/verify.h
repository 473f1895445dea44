// The invariants of a graph, checked after every pass.
//
//   verify(graph, "fold");     // InternalError: "... after 'fold': node '%3 = exp %x : f32[a]' has no provenance ..."
//
// Checked: operands precede, types are what inference gives, provenance is never empty, inputs and parameters are listed,
// outputs and updates exist, an updated slot exists and keeps its type, bodies take and give what their node says, stand
// alone (no captures left, no enclosing graph), and hold all of this themselves.
#pragma once

#include <string_view>

#include <uwaga/ir/graph_ref.h>

namespace uwaga {


// `after` names the pass for the message. Throws InternalError naming pass and node.
void verify(const Graph& graph, std::string_view after = "");
// What a pass made of `before`: types are not inferred again (GraphData::add did so), and bodies that `before` has too
// count as checked.
void verify_changes(const Graph& before, const Graph& graph, std::string_view after);

}  // namespace uwaga
