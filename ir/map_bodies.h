// Graphs inside attributes, each replaced by another.
//
//   MapBodies map_bodies;
//   const SharedAttributes now = map_bodies(n.attributes, [&](const Graph& body) { return simplified(body); });
//   if (!now.shares(n.attributes)) ...                   // some body changed
//
// Nodes that shared their attributes share the new ones: each is made once, so that what is learnt of it later, such as its
// hash, is learnt once too. `f` must give one answer for one graph for as long as the MapBodies lives.
#pragma once

#include <unordered_map>
#include <utility>

#include <uwaga/ir/fields.h>
#include <uwaga/ir/shared_attributes.h>

namespace uwaga {

class MapBodies {
 public:
  // Attributes with f(graph) for every graph inside; those given, where f gives every graph back.
  template <typename F>
  SharedAttributes operator()(const SharedAttributes& attributes, const F& f) {
    if (const auto known = made_.find(&attributes.get()); known != made_.end()) return known->second.second;
    bool changed = false;
    for_each_graph(attributes.get(), [&](const Graph& graph) { changed = changed || (graph && &f(graph).data() != &graph.data()); });
    SharedAttributes now = attributes;
    if (changed) {
      Attributes other = attributes;
      for_each_graph(other, [&](Graph& graph) {
        if (graph) graph = f(graph);
      });
      now = SharedAttributes(std::move(other));
    }
    made_.emplace(&attributes.get(), std::pair(attributes, now));
    return now;
  }

 private:
  // By address; the attributes there were are kept, so that none other comes to have that address.
  std::unordered_map<const Attributes*, std::pair<SharedAttributes, SharedAttributes>> made_;
};

}  // namespace uwaga
