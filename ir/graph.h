// A graph with all that is in it: what code that walks nodes and looks into their attributes includes.
//
//   for (const Node& n : graph->nodes())
//     if (n.op == Op::slice) use(n.as<SliceAttrs>().axis);
//
// ir/graph_data.h is the graph without the attributes of its nodes, and compiles in half the time.
#pragma once

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/graph_data.h>
