// The passes on graphs. All preserve bits.
#pragma once

#include <functional>

#include <uwaga/ir/attributes.h>

namespace uwaga {

// Algebra on axes, casts and identities that hold to the bit (rules: passes/simplify.cpp). Bodies of scan, cond and calls
// are simplified too.
Graph simplify(const Graph& graph);
// Constants: integers, booleans, and + - * / sqrt and casts of floats (contract 3).
Graph fold(const Graph& graph);
// Structurally equal nodes become one with united provenance; the result is in canonical order.
Graph cse(const Graph& graph);
// Nodes that no output and no update needs.
Graph dce(const Graph& graph);
// Calls that `keep` does not claim are replaced by their bodies, in bodies of scan and cond too. Nodes of the body take the
// call's provenance besides their own. `prepare`, where given, is applied to every body, written or kept: once a body,
// where the same pass afterwards would copy the whole graph.
Graph expand(const Graph& graph, const std::function<bool(const CallAttrs&)>& keep = {}, const std::function<Graph(const Graph&)>& prepare = {});
// A large table that is zero but where few indices point to, the gradient of an embedding, is kept as those rows: what reads it
// finds them by a table of numbers. Nothing is gained where the whole table must be stored after all.
Graph sparse_rows(const Graph& graph);
// stop_gradient and tag, which mean something only to differentiation and to names; late.
Graph strip(const Graph& graph);

}  // namespace uwaga
