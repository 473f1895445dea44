// Sums of a tile in several steps, written as one.
//
//   sum(sum(x, {batch}) * distance, {query key})  ->  sum(x * broadcast(distance), {batch query key})
//   scatter_add(table, index, sum(x, {batch}))    ->  scatter_add(table, broadcast(index), x)
//
// A captured tensor that lacks some axes of the scores reaches them by broadcasts, one after another; its gradient sums the
// same axes one after another, with elementwise ops between. A kernel of attention adds up a tile once, so the sums are
// joined at the last of them. Only for bodies that such kernels run: it changes the order of a sum, and kernels of
// attention have an order of their own.
#pragma once

#include <string>

#include <uwaga/ir/graph_ref.h>

namespace uwaga::schedule {

// What is no longer used stays in the graph: run `dce` after it.
Graph join_sums(const Graph& body, const std::string& query, const std::string& key);

}  // namespace uwaga::schedule
