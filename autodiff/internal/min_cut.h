// Minimum cut of a network with a capacity on each vertex and arcs that cannot be cut.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace uwaga::autodiff {

struct Network {
  std::vector<std::int64_t> capacity;                     // of each vertex; 0 or more
  std::vector<std::pair<std::size_t, std::size_t>> arcs;  // may repeat
  std::vector<std::size_t> sources, sinks;
};
struct Cut {
  std::int64_t capacity = 0;
  std::vector<bool>
      cut;  // the vertices that separate sources from sinks; of all minimum cuts the one nearest the sinks
};
Cut min_vertex_cut(const Network& network);

}  // namespace uwaga::autodiff
