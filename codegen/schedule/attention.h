// The host's schedule of an `attention` cluster: a task walks queries in blocks of 64, with the scores of one block against all
// keys in its own scratch, so that nothing over query x key is stored.
//
// Vectors run over queries (of few: over keys and features, attention_few.h). For a block of queries: every tile dot is computed into
// scratch [key][64 queries]; each reduction over the keys is a pass down the tile; the last pass computes what leaves the tile. Then
// products take it: over the keys into the block's rows, over the queries into rows that belong to the task and are added up in
// memory. So do sums (attention_tile_sums.h). Values that cost much and are wanted in two passes are kept, in scratch that is free
// by then.
//
// Where the target multiplies pairs of bf16, products of bf16 are: scores take pairs of features, other products pairs of keys or of
// queries, for which the last pass leaves its tile as words of two keys, of two queries, or both. Where it has tile registers they
// multiply the same words, 32 x 32 sums at a time, if all products are of bf16 and of whole tiles of features: keys are then packed with
// zeros up to whole tiles, pairs of keys feature by feature, and masks skip 32 keys at a time.
//
// The order of sums: scores are one fma chain over the features; sums over keys (reductions and products) are taken in blocks of
// 128 keys, each one chain in index order, blocks added in order (in tile registers onto the sums before); products over queries
// in blocks of 64 queries likewise, then over the batch entries that share a key. So bits depend on nothing but the shape. Blocks of
// keys that the mask rules out (interval arithmetic) are skipped.
//
// Tasks: batch entry x query block where only rows of queries come out; else batch entries that share no key or value with another,
// nor a captured tensor that has an element for each query and key.
#pragma once

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

Schedule attention(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga::schedule
