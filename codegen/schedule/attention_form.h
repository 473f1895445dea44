// The form of an attention body, forward or backward: what is computed over tiles of query x key and what becomes of it.
//
//   tile dots    dot(query side, key side) over one feature axis: a value over the space [.. query key]
//   elements     anything elementwise of tiles, of row values and of what does not depend on a tile
//   reductions   sum or reduce_max of a tile over the keys: row values [.. query]
//   products     dot(tile, key side) over the keys, or dot(tile, query side) over the queries (and batch axes)
//   sums         of a tile over queries, keys, batch axes or some of them, or into the places of a table: gradients of captured
//                tensors
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <uwaga/ir/graph.h>

namespace uwaga::schedule {

struct TileDot {
  NodeId node = 0;
  Value query_side, key_side;
  std::string feature;
  bool bf16 = false;  // it multiplies bf16; the sides may be the same numbers in f32
};
struct TileProduct {
  NodeId node = 0;
  Value tile, other;
  bool over_keys = false;
  std::string feature;
  bool bf16 = false;  // as in TileDot
};
struct TileSum {
  NodeId node = 0;
  Value tile;
  bool keeps_query = false, keeps_key = false;
  // Of scatter_add: what is at these indices, any value over axes of the scores, is added up along this axis of the result.
  std::optional<Value> places;
  std::string axis;

  bool is_total() const { return is_of_lanes() && !keeps_query; }
  // Is it of the keys alone, query by query, before the queries are added up?
  bool is_of_lanes() const { return !keeps_key && !places; }
};

struct AttentionForm {
  std::string query, key;
  Type space;       // [.. query key]
  AxisNames batch;  // the others
  std::vector<TileDot> dots;
  std::vector<NodeId> reductions;
  std::vector<TileProduct> products;
  std::vector<TileSum> sums;
  std::set<NodeId> dependent;  // on a tile dot
  // Where this boolean tile is false throughout, whatever leaves the tile is 0.
  std::optional<Value> mask;

  // Is anything added up over blocks of queries?
  bool accumulates() const;
  bool is_tile(const Type& t) const { return t.has(key); }
  // Has a value an element for a query, and no other axes than scores have?
  bool is_row(const Type& t) const {
    return !is_tile(t) && std::all_of(t.dims.begin(), t.dims.end(), [&](const Dim& d) { return space.has(d.axis); });
  }
};

// Places of a table that scores look up, at most: a task adds up each in as many lanes as a block has queries.
inline constexpr std::int64_t kMostPlaces = 4096;

// Features per element of a tile dot, at most: one fma chain each.
inline constexpr std::int64_t kMostFeatures = 512;

// Can tasks of what accumulates divide this batch axis: does all that they add up in place keep it?
bool divides_tasks(const GraphData& graph, const AttentionForm& form, const std::string& axis);

// Only live nodes count. Absent: `reason` says what does not fit.
std::optional<AttentionForm> find_attention_form(const Graph& graph, const std::string& query, const std::string& key, std::string& reason);

}  // namespace uwaga::schedule
