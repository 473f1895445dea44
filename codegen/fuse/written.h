// What a program writes of an update's value: all of it, or the rows that the update appends to its slot.
//
//   update(cache, concat({slice(cache, key, 0, past), rows, slice(cache, key, past + n, capacity)}, key))
//
// replaces n rows and keeps the rest, so that only the rows are computed and written.
#pragma once

#include <optional>
#include <string>

#include <uwaga/ir/graph.h>

namespace uwaga {

struct Written {
  Value value;
  std::string axis = {};                           // along which rows are appended
  std::optional<Extent> first_row = std::nullopt;  // where they lie there; absent: the value is the whole slot
};
Written written_by(const GraphData& graph, const Update& update);

}  // namespace uwaga
