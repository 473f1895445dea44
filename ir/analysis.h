// Analyses of graphs, by Boost.Graph.
//
//   analysis::Relation r = analysis::relation_of(graph);    // an arc for each operand, from the node that makes it
//   std::vector<analysis::Vertex> order = topological_order(r);
//   std::vector<analysis::Vertex> above = dominators(r, entry);   // what every path from `entry` passes
//   std::cout << to_dot(graph);                             // for Graphviz: uwaga inspect --dot | dot -Tsvg
//
// Vertices are numbered from 0; of a graph they are its NodeIds. Any relation can be asked about: nodes, clusters, scopes.
// Time is linear in vertices and arcs, that of dominators but for a logarithm.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <uwaga/ir/graph_ref.h>

namespace uwaga {
namespace analysis {

using Vertex = std::uint32_t;
inline constexpr Vertex kNoVertex = 0xffffffff;

struct Arc {
  Vertex from = 0, to = 0;
};
struct Relation {
  Vertex size = 0;  // vertices
  std::vector<Arc> arcs;
};

// The nodes of a graph, bodies of scan, cond and calls not entered.
Relation relation_of(const Graph& graph);

// Every vertex after all that have an arc to it. Throws InternalError where there is a cycle.
std::vector<Vertex> topological_order(const Relation& relation);
// The component of each vertex, arcs taken in both directions; numbered from 0 in the order of their least vertices.
std::vector<Vertex> components(const Relation& relation);
// The same for strong components: vertices that reach each other. Without a cycle each is one of its own.
std::vector<Vertex> strong_components(const Relation& relation);
// The immediate dominator of each vertex: the last that every path from `entry` to it passes. kNoVertex for the entry itself
// and for what it does not reach. (Lengauer and Tarjan, "A fast algorithm for finding dominators in a flowgraph", 1979.)
std::vector<Vertex> dominators(const Relation& relation, Vertex entry);

}  // namespace analysis

// The text that Graphviz draws: nodes with op, type and line, leaves as boxes, arcs named by operand where there are
// several; outputs and updates as ellipses. Dead nodes are left out.
std::string to_dot(const Graph& graph);

}  // namespace uwaga
