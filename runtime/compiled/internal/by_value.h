// One entry a value of a graph, in an array.
#pragma once

#include <cstdint>
#include <vector>

#include <uwaga/ir/graph.h>

namespace uwaga {

template <typename T>
class ByValue {
 public:
  ByValue(const GraphData& g, T none) {
    first_.reserve(g.nodes().size());
    std::size_t values = 0;
    for (const Node& n : g.nodes()) {
      first_.push_back(static_cast<std::uint32_t>(values));
      values += n.types.size();
    }
    entries_.assign(values, none);
  }
  T& operator[](Value v) { return entries_[first_[v.node] + v.output]; }
  const T& operator[](Value v) const { return entries_[first_[v.node] + v.output]; }

 private:
  std::vector<std::uint32_t> first_;
  std::vector<T> entries_;
};

}  // namespace uwaga
