// What a program writes of an update's value: all of it, or the rows that the update appends to its slot.
//
//   update(cache, concat({slice(cache, key, 0, past), rows, slice(cache, key, past + n, capacity)}, key))
//
// replaces n rows and keeps the rest, so that only the rows are computed and written.
#pragma once

#include <optional>

#include <uwaga/ir/graph.h>

namespace uwaga {

struct Written {
  Value value;
  std::optional<Extent> first_row;  // where it lies along the slot's first axis; absent: it is the whole slot
};
Written written_by(const GraphData& graph, const Update& update);

}  // namespace uwaga
