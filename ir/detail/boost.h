// A Relation as Boost.Graph sees it: a model of VertexListGraph, EdgeListGraph and BidirectionalGraph with parallel arcs.
// For .cpp files that run one of Boost's algorithms: no public header includes this one.
//
//   const BoostView view(relation);
//   boost::topological_sort(view, std::back_inserter(reversed), boost::vertex_index_map(view.index()));
#pragma once

#include <boost/graph/graph_traits.hpp>
#include <boost/graph/properties.hpp>
#include <boost/iterator/counting_iterator.hpp>
#include <boost/property_map/property_map.hpp>
#include <utility>
#include <vector>

#include <uwaga/ir/analysis.h>

namespace uwaga::analysis {

class BoostView {
 public:
  struct Edge {
    Vertex from = 0, to = 0;
    std::uint32_t arc = 0;  // its place in the relation
    friend bool operator==(const Edge& a, const Edge& b) { return a.arc == b.arc; }
    friend bool operator!=(const Edge& a, const Edge& b) { return a.arc != b.arc; }
  };

  explicit BoostView(const Relation& relation)
      : size_(relation.size), out_(sorted(relation, &Edge::from, out_first_)), in_(sorted(relation, &Edge::to, in_first_)) {}

  Vertex size() const { return size_; }
  const std::vector<Edge>& edges() const { return out_; }
  std::pair<const Edge*, const Edge*> out(Vertex v) const { return range(out_, out_first_, v); }
  std::pair<const Edge*, const Edge*> in(Vertex v) const { return range(in_, in_first_, v); }
  boost::typed_identity_property_map<Vertex> index() const { return {}; }

 private:
  using Firsts = std::vector<std::uint32_t>;

  static std::pair<const Edge*, const Edge*> range(const std::vector<Edge>& edges, const Firsts& first, Vertex v) {
    return {edges.data() + first[v], edges.data() + first[v + 1]};
  }
  // The arcs by one of their ends, by counting.
  static std::vector<Edge> sorted(const Relation& r, Vertex Edge::* end, Firsts& first) {
    std::vector<Edge> edges(r.arcs.size());
    first.assign(r.size + 1, 0);
    for (std::uint32_t i = 0; i < r.arcs.size(); ++i) ++first[Edge{r.arcs[i].from, r.arcs[i].to, i}.*end + 1];
    for (std::size_t v = 1; v < first.size(); ++v) first[v] += first[v - 1];
    Firsts at(first.begin(), first.end() - 1);
    for (std::uint32_t i = 0; i < r.arcs.size(); ++i) {
      const Edge e{r.arcs[i].from, r.arcs[i].to, i};
      edges[at[e.*end]++] = e;
    }
    return edges;
  }

  Vertex size_;
  Firsts out_first_, in_first_;
  std::vector<Edge> out_, in_;
};

inline Vertex num_vertices(const BoostView& g) { return g.size(); }
inline std::pair<boost::counting_iterator<Vertex>, boost::counting_iterator<Vertex>> vertices(const BoostView& g) {
  return {boost::counting_iterator<Vertex>(0), boost::counting_iterator<Vertex>(g.size())};
}
inline std::size_t num_edges(const BoostView& g) { return g.edges().size(); }
inline std::pair<const BoostView::Edge*, const BoostView::Edge*> edges(const BoostView& g) {
  return {g.edges().data(), g.edges().data() + g.edges().size()};
}
inline Vertex source(const BoostView::Edge& e, const BoostView&) { return e.from; }
inline Vertex target(const BoostView::Edge& e, const BoostView&) { return e.to; }
inline std::pair<const BoostView::Edge*, const BoostView::Edge*> out_edges(Vertex v, const BoostView& g) { return g.out(v); }
inline std::pair<const BoostView::Edge*, const BoostView::Edge*> in_edges(Vertex v, const BoostView& g) { return g.in(v); }
inline std::size_t out_degree(Vertex v, const BoostView& g) { return static_cast<std::size_t>(g.out(v).second - g.out(v).first); }
inline std::size_t in_degree(Vertex v, const BoostView& g) { return static_cast<std::size_t>(g.in(v).second - g.in(v).first); }
inline std::size_t degree(Vertex v, const BoostView& g) { return out_degree(v, g) + in_degree(v, g); }

}  // namespace uwaga::analysis

namespace boost {

template <>
struct graph_traits<uwaga::analysis::BoostView> {
  using vertex_descriptor = uwaga::analysis::Vertex;
  using edge_descriptor = uwaga::analysis::BoostView::Edge;
  using directed_category = bidirectional_tag;
  using edge_parallel_category = allow_parallel_edge_tag;
  struct traversal_category : bidirectional_graph_tag, vertex_list_graph_tag, edge_list_graph_tag {};
  using vertex_iterator = counting_iterator<uwaga::analysis::Vertex>;
  using edge_iterator = const edge_descriptor*;
  using out_edge_iterator = const edge_descriptor*;
  using in_edge_iterator = const edge_descriptor*;
  using vertices_size_type = uwaga::analysis::Vertex;
  using edges_size_type = std::size_t;
  using degree_size_type = std::size_t;
  static vertex_descriptor null_vertex() { return uwaga::analysis::kNoVertex; }
};

template <>
struct property_map<uwaga::analysis::BoostView, vertex_index_t> {
  using type = typed_identity_property_map<uwaga::analysis::Vertex>;
  using const_type = type;
};

}  // namespace boost

namespace uwaga::analysis {
inline boost::typed_identity_property_map<Vertex> get(boost::vertex_index_t, const BoostView& g) { return g.index(); }
inline Vertex get(boost::vertex_index_t, const BoostView&, Vertex v) { return v; }
}  // namespace uwaga::analysis
